"""Logins and calls that others decide about (settings `externalauth`, `externalcalls`).

A login: the digest that a request bears is sent to who knows the password; meanwhile the request waits, and then it is handled as if it
had come just now, when the doorkeeper finds the verdict here. Whatever needs a proof therefore needs to know nothing of this.

1. Nonces are ours, so that replays and foreign challenges are refused without asking anybody.
2. A verdict is good for the one digest that it was given for, and for a moment.
3. Nobody answers: `externalauth_away` says whether our own password counts, or the request is refused (503).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from apps.aaa.engine import radius as packets
from apps.aaa.engine.radius import Attribute, Code, Kind, Reply
from switch.sip.digest import ALGORITHMS, MD5, Credentials, fits

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Caller
    from switch.net import Flow
    from switch.outside.http import Http
    from switch.outside.radius import Radius
    from switch.outside.servers import Server
    from switch.sip.message import Request
    from switch.sip.server import ServerTransaction
    from switch.world.settings import Settings
    from switch.world.world import World

log = logging.getLogger("switch.outside")

KEPT = 5.0
"""Seconds for which a verdict waits for its request: it is used at once."""
MOST_VERDICTS = 10_000
MOST_WAITING = 2_000
LONGEST_CALL = 86_400 * 7

Key = tuple[str, str, str, str, str]


class Verdict(NamedTuple):
    """`right` None: nobody answered."""

    right: bool | None
    until: float


class Grant(NamedTuple):
    """Whether a call may be, how long (0: no limit of theirs), and why not."""

    allowed: bool
    seconds: int = 0
    reason: str = ""
    away: bool = False


class Gate:
    """The outside of one worker. `clock`: steady seconds."""

    def __init__(self, radius: Radius, http: Http, clock: Callable[[], float]) -> None:
        self._radius, self._http, self._clock = radius, http, clock
        self._verdicts: OrderedDict[Key, Verdict] = OrderedDict()
        self.waiting = 0

    # --- logins -----------------------------------------------------------------------------------------------------------------

    def holds(
        self,
        tx: ServerTransaction,
        request: Request,
        given: Credentials,
        settings: Settings,
        world: World,
        again: Callable[[], object],
    ) -> bool:
        """Whether the request waits for a verdict now; `again` handles it when there is one."""
        key = _key(given, request.method)
        if self._fresh(key) is not None or given.algorithm not in ALGORITHMS:
            return False
        if self.waiting >= MOST_WAITING:
            self._keep(key, None)
            return False
        self.waiting += 1
        flow: Flow = tx.flow  # type: ignore[assignment]  # our Net's flow

        def answered(right: bool | None) -> None:
            self.waiting -= 1
            self._keep(key, right)
            if not tx.answered:
                again()

        if settings.externalauth == "radius":
            self._by_radius(given, request.method, flow.host, world, answered)
        else:
            self._by_http(given, request.method, flow.host, world, answered)
        return True

    def verdict(self, given: Credentials, method: str) -> Verdict | None:
        """What was said of this digest; it is forgotten, as it serves once."""
        found = self._fresh(_key(given, method))
        if found is not None:
            del self._verdicts[_key(given, method)]
        return found

    def _fresh(self, key: Key) -> Verdict | None:
        found = self._verdicts.get(key)
        return found if found is not None and found.until > self._clock() else None

    def _keep(self, key: Key, right: bool | None) -> None:
        self._verdicts[key] = Verdict(right, self._clock() + KEPT)
        self._verdicts.move_to_end(key)
        while len(self._verdicts) > MOST_VERDICTS:
            self._verdicts.popitem(last=False)

    def _by_radius(
        self,
        given: Credentials,
        method: str,
        host: str,
        world: World,
        answered: Callable[[bool | None], None],
    ) -> None:
        parts = {"realm": given.realm, "nonce": given.nonce, "method": method, "uri": given.uri, "qop": given.qop,
                 "algorithm": given.algorithm, "cnonce": given.cnonce, "nc": given.nc, "username": given.username}  # fmt: skip

        def write(server: Server) -> list[Attribute]:
            return [
                *packets.text(Kind.USER_NAME, given.username),
                packets.number(Kind.SERVICE_TYPE, packets.LOGIN),
                *packets.text(Kind.NAS_IDENTIFIER, world.settings.radiusnasid),
                *packets.text(Kind.CALLING_STATION_ID, host),
                *packets.digest(parts, given.response, draft=server.draft),
            ]

        def replied(reply: Reply | None) -> None:
            answered(None if reply is None else reply.code == Code.ACCESS_ACCEPT)

        self._radius.ask(world.authorisers, write, _seconds(world), replied)

    def _by_http(
        self,
        given: Credentials,
        method: str,
        host: str,
        world: World,
        answered: Callable[[bool | None], None],
    ) -> None:
        names = ("username", "realm", "uri", "nonce", "nc", "cnonce", "qop", "algorithm", "response")
        question = {
            "ask": "login",
            "method": method,
            "address": host,
            **{name: getattr(given, name) for name in names},
        }

        def replied(found: Mapping[str, Any] | None) -> None:
            ha1 = (found or {}).get("ha1")
            if isinstance(ha1, str):
                answered(fits(given, method=method, ha1=ha1))
            else:
                answered(None if found is None else found.get("allow") is True)

        settings = world.settings
        self._http.ask(
            settings.externalauth_url, settings.externalauth_token, question, _seconds(world), replied
        )

    # --- calls ------------------------------------------------------------------------------------------------------------------

    def authorise(self, call: Call, world: World, granted: Callable[[Grant], object]) -> None:
        """Ask whether and how long the call may be."""
        if world.settings_of(call.account).externalcalls == "radius":
            self._call_by_radius(call, world, granted)
        else:
            self._call_by_http(call, world, granted)

    def _call_by_radius(self, call: Call, world: World, granted: Callable[[Grant], object]) -> None:
        assert call.decision is not None
        decision = call.decision

        def write(server: Server) -> list[Attribute]:
            return [
                *packets.text(Kind.USER_NAME, call.account.username),
                packets.number(Kind.SERVICE_TYPE, packets.CALL_CHECK),
                *packets.text(Kind.CALLING_STATION_ID, decision.caller_number),
                *packets.text(Kind.CALLED_STATION_ID, decision.called),
                *packets.text(Kind.NAS_IDENTIFIER, world.settings.radiusnasid),
                *packets.text(Kind.ACCT_SESSION_ID, call.id),
            ]

        def replied(reply: Reply | None) -> None:
            if reply is None:
                granted(_away(world))
            elif reply.code != Code.ACCESS_ACCEPT:
                granted(Grant(False, reason=reply.text(Kind.REPLY_MESSAGE)[:200]))
            else:
                granted(_grant(reply.number(Kind.SESSION_TIMEOUT)))

        self._radius.ask(world.authorisers, write, _seconds(world), replied)

    def _call_by_http(self, call: Call, world: World, granted: Callable[[Grant], object]) -> None:
        assert call.decision is not None
        question = {"ask": "call", "call": call.id, "account": call.account.username, "address": call.request.source_host,
                    "caller_number": call.decision.caller_number, "called_number": call.decision.called}  # fmt: skip

        def replied(found: Mapping[str, Any] | None) -> None:
            if found is None:
                granted(_away(world))
            elif found.get("allow") is not True:
                granted(Grant(False, reason=str(found.get("reason", ""))[:200]))
            else:
                granted(_grant(found.get("seconds")))

        settings = world.settings
        self._http.ask(
            settings.externalauth_url, settings.externalauth_token, question, _seconds(world), replied
        )


def only_md5(account: Caller | None, world: World) -> bool:
    """Whether its password is checked by RADIUS, which knows digests by MD5 only."""
    return account is not None and world.settings_of(account).externalauth == "radius"


def algorithms_for(account: Caller | None, world: World) -> tuple[str, ...] | None:
    """The algorithms to ask the account for; None: all that are accepted."""
    return (MD5,) if only_md5(account, world) else None


def _grant(seconds: Any) -> Grant:
    """A limit of 0 seconds lets nobody talk; what is no number is no limit, and no permission either."""
    if seconds is None:
        return Grant(True)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 1:
        return Grant(False, reason="no time is left")
    return Grant(True, seconds=min(int(seconds), LONGEST_CALL))


def _away(world: World) -> Grant:
    return Grant(world.settings.externalauth_away == "local", reason="nobody answered", away=True)


def _seconds(world: World) -> float:
    return world.settings.externalauth_timeout / 1000


def _key(given: Credentials, method: str) -> Key:
    return given.username, given.nonce, given.nc, given.response, method
