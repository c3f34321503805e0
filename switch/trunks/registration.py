"""One registration of ours with another server, as a machine without sockets and clock (RFC 3261 §10.2, RFC 5626 §4.5).

The shell asks `ask` for the next REGISTER when `due` has come, and tells what came of it: `answered`, which may want
another REGISTER at once, or `silent`. Times are epoch seconds.

1. REGISTER with the proof of the last challenge, if there is one that can be used again (qop), else without.
2. 401, 407: answer the challenge, once for each nonce; a second refusal of the same secret is a failure.
3. 423: ask for as long as the server wants at least.
4. 2xx: registered for the time that it grants; again before nine tenths of it are over.
5. Anything else, and silence: wait for half a minute, twice as long after each failure, at most half an hour, with
   jitter (RFC 5626 §4.5), or as long as Retry-After says. A registration that still stands stays good until it expires.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from switch.sip.digest import MD5, Challenge, authorize, choose
from switch.sip.grammar import BadValue
from switch.sip.message import Header, Response, seconds
from switch.sip.uri import NameAddr, Uri

FIRST_WAIT, LONGEST_WAIT = 30.0, 1800.0
LONGEST_EXPIRES = 604_800
MOST_REPEATS = 4
"""REGISTERs of one attempt: a stale nonce, a 423 and a challenge may come one after the other."""
SOONEST = 5.0
MOST_ROUTES, LONGEST_ROUTE = 8, 512


class State(StrEnum):
    """How a registration stands."""

    NEW = "new"
    REGISTERED = "registered"
    FAILED = "failed"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Secret:
    """What is proved: digests for one realm."""

    username: str
    realm: str
    ha1_md5: str
    ha1_sha256: str


@dataclass(frozen=True, slots=True)
class Ask:
    """The REGISTER to send: its CSeq, how long it shall last (0: take it back), and the proof, if any."""

    cseq: int
    expires: int
    proof: Header | None


@dataclass(slots=True)
class Registration:
    """One account with one server. `uri` is the Request-URI, `contact` what is registered there (a URI)."""

    secret: Secret
    uri: str
    contact: str
    wanted: int
    state: State = State.NEW
    since: float = 0.0
    until: float = 0.0
    due: float = 0.0
    detail: str = ""
    failures: int = 0
    asking: bool = False
    routes: tuple[str, ...] = ()
    """Proxies that our requests must pass, the first first (Service-Route, RFC 3608)."""
    _cseq: int = 0
    _repeats: int = 0
    _expires: int = 0
    _challenge: tuple[int, Challenge] | None = None
    _uses: int = field(default=0)

    @property
    def stands(self) -> bool:
        """Whether calls may rely on it."""
        return self.state is State.REGISTERED

    def ask(self, *, leave: bool = False) -> Ask:
        """The first REGISTER of an attempt; `leave` takes the registration back."""
        self.asking = True
        self._repeats = 0
        self._expires = 0 if leave else self.wanted
        return self._next()

    def _next(self) -> Ask:
        self._cseq += 1
        return Ask(self._cseq, self._expires, self._proof())

    def _proof(self) -> Header | None:
        if self._challenge is None:
            return None
        status, challenge = self._challenge
        self._uses += 1
        ha1 = self.secret.ha1_md5 if challenge.algorithm == MD5 else self.secret.ha1_sha256
        value = authorize(
            challenge, method="REGISTER", uri=self.uri, username=self.secret.username, ha1=ha1, nc=self._uses
        )
        return ("Authorization" if status == 401 else "Proxy-Authorization", value)

    # --- what comes back --------------------------------------------------------------------------------------------------------

    def answered(self, response: Response, now: float, jitter: float) -> Ask | None:
        """A final response; another REGISTER to send at once, or None. `jitter` from 0 to 1 spreads the next time."""
        status = response.status
        if status < 300:
            self._granted(response, now, jitter)
            return None
        again = self._repeats < MOST_REPEATS
        self._repeats += 1
        if status in {401, 407} and again:
            why = self._challenged(response)
            if not why:
                return self._next()
        elif status == 423 and again and self._longer(response):
            return self._next()
        else:
            why = f"{status} {response.reason}"
        self._failed(why or f"{status} {response.reason}", now, jitter, seconds(response.get("Retry-After")))
        return None

    def silent(self, why: str, now: float, jitter: float) -> None:
        """No answer came, or none can."""
        self._challenge = None
        self._failed(why, now, jitter, None)

    def expire(self, now: float) -> None:
        """What was granted is over and was not renewed."""
        if self.stands and now >= self.until:
            self._become(State.FAILED, now, self.detail or "it was not renewed in time")

    def _challenged(self, response: Response) -> str:
        """Take the challenge over; in words what is wrong with it."""
        challenge = choose(
            response.all("WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate")
        )
        if challenge is None:
            return f"{response.status} without a challenge that we can answer"
        if challenge.realm != self.secret.realm:
            return f"the server's realm is {challenge.realm!r}, not {self.secret.realm!r}"
        before = self._challenge
        refused = before is not None and self._uses > 0 and not challenge.stale and self._repeats > 1
        if refused or (before is not None and before[1].nonce == challenge.nonce and not challenge.stale):
            self._challenge = None
            return f"{response.status}: the server does not take user name and password"
        self._challenge, self._uses = (response.status, challenge), 0
        return ""

    def _longer(self, response: Response) -> bool:
        least = seconds(response.get("Min-Expires"))
        if least is None or not self._expires < least <= LONGEST_EXPIRES:
            return False
        self._expires = self.wanted = least
        return True

    def _granted(self, response: Response, now: float, jitter: float) -> None:
        self.asking = False
        self.failures = 0
        if self._challenge is not None and "auth" not in self._challenge[1].qop:
            self._challenge = None  # a nonce without a count serves once
        if not self._expires:
            self._become(State.OVER, now, "")
            return
        self.routes = _routes(response)
        granted = self._granted_seconds(response)
        if granted <= 0:
            self._failed("the server did not keep our address", now, jitter, None)
            return
        self.until = now + granted
        self.due = now + max(min(SOONEST, granted / 2), granted * (0.8 + 0.1 * jitter))
        self._become(State.REGISTERED, now, "")

    def _granted_seconds(self, response: Response) -> int:
        """Of our own Contact among those that the server lists; a server that lists none means us."""
        mine = Uri.parse(self.contact)
        header = response.expires if response.expires is not None else self._expires
        listed = response.members("Contact")
        for text in listed:
            try:
                one = NameAddr.parse(text)
                if _same_place(one.uri, mine):
                    given = seconds(one.params.get("expires"))
                    return header if given is None else given
            except BadValue:
                continue
        return 0 if listed and not _rewritten(listed) else header

    def _failed(self, why: str, now: float, jitter: float, retry_after: int | None) -> None:
        self.asking = False
        self.failures += 1
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self.failures - 1, 10)) * (0.5 + 0.5 * jitter)
        if retry_after is not None:
            wait = max(wait, min(float(retry_after), 2 * LONGEST_WAIT))
        self.due = now + wait
        self.detail = why
        if not self._expires:
            self._become(State.OVER, now, why)
        elif not self.stands or now >= self.until:
            self._become(State.FAILED, now, why)

    def _become(self, state: State, now: float, detail: str) -> None:
        if state is not self.state:
            self.since = now
        self.state, self.detail = state, detail


def _routes(response: Response) -> tuple[str, ...]:
    """The Service-Route of a 2xx, all of it or, where it cannot be used, nothing (RFC 3608 §6.1)."""
    listed = response.members("Service-Route")
    if len(listed) > MOST_ROUTES or any(len(one) > LONGEST_ROUTE for one in listed):
        return ()
    try:
        uris = [NameAddr.parse(one).uri for one in listed]
    except BadValue:
        return ()
    return tuple(listed) if all(one.scheme in {"sip", "sips"} for one in uris) else ()


def _same_place(one: Uri, other: Uri) -> bool:
    """Our own Contact, with whatever parameters the server has added or dropped."""
    return (one.user, one.host.lower(), one.port or 5060) == (
        other.user,
        other.host.lower(),
        other.port or 5060,
    )


def _rewritten(listed: list[str]) -> bool:
    """A server behind a NAT of ours may list the address that it saw; a single Contact is taken for ours then."""
    return len(listed) == 1
