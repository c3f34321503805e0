"""Session timers (RFC 4028): a call whose party is gone ends, though nobody says BYE.

Who handles them (`sessiontimerhandlelocally`):
1. `auto`: we do, with each party by itself, when the account of either has them switched on; else the parties' own agreement
   passes through, and we only watch it. `yes`: always we; `forward`: always they; `no`: nobody.
2. Of a party that we handle, `sessiontimer` says: `never`; `off`: only when it asks; `supported`: when it can; `forced`: always,
   by refreshes of our own if it cannot; a number: forced, with so many minutes between refreshes.
3. Who refreshes sends an UPDATE, or a re-INVITE with the session description it already has (RFC 4028 §7.4, §10).
4. Nothing heard in time: the call ends, and is billed to the last sign of life of who is gone.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from switch.call import media
from switch.call.abilities import ALLOW
from switch.call.alarms import Alarm
from switch.call.proof import CHALLENGES, prove
from switch.sip.client import ClientTransaction, InviteClientTransaction
from switch.sip.message import Header, Message, Request, Response, seconds

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.leg import Leg
    from switch.world.settings import Settings

EXTENSION = "timer"
OURS, THEIRS = "ours", "theirs"
"""What `Call.timers` may be, besides "" for none."""
LONGEST = 86_400
_AGAIN = 2.1
"""Seconds until a refresh that met another request is tried again (RFC 3261 §14.1)."""
_GONE = frozenset((408, 481))
_NO_UPDATE = frozenset((405, 501))


class Asked(NamedTuple):
    """A Session-Expires header; `refresher` is "uac", "uas" or ""."""

    interval: int
    refresher: str


def asked(message: Message) -> Asked | None:
    """What the message says of the session's interval; None when it says nothing that can be read."""
    text = message.get("Session-Expires")
    interval = seconds(text)
    if text is None or not interval:
        return None
    refresher = ""
    for part in text.lower().split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip() == "refresher":
            refresher = value.strip()
    return Asked(min(interval, LONGEST), refresher if refresher in {"uac", "uas"} else "")


def least(message: Message) -> int:
    """Its Min-SE; 90 seconds when absent (RFC 4028 §5)."""
    found = seconds(message.get("Min-SE"))
    return min(found, LONGEST) if found is not None else 90


def can(message: Message) -> bool:
    """Whether its sender knows session timers."""
    return any(
        EXTENSION in (word.strip().lower() for word in line.split(","))
        for name in ("Supported", "Require")
        for line in (message.all(name) if message.get(name) is not None else ())
    )


class Policy(NamedTuple):
    """What the settings of an account say. `every`: seconds between refreshes of ours, 0: half the interval."""

    mode: str  # never | off | supported | forced
    interval: int
    shortest: int
    longest: int
    every: int

    @property
    def on(self) -> bool:
        return self.mode in {"supported", "forced"}


def policy(settings: Settings) -> Policy:
    """The account's policy from its settings."""
    mode, every = settings.sessiontimer, settings.sesskeepalive
    shortest = settings.def_min_sessiontimer
    longest = max(shortest, settings.def_max_sessiontimer)
    interval = min(max(settings.def_mid_sessiontimer, shortest), longest)
    if mode.isdigit():
        every = int(mode) * 60
        mode, interval, longest = "forced", max(2 * every, shortest), max(2 * every, longest)
    return Policy(mode, interval, shortest, longest, every)


# --- while the call is set up ---------------------------------------------------------------------------------------------------


def too_small(invite: Request, settings: Settings) -> int:
    """The least interval when the caller asks for a smaller one that we would have to handle (422, RFC 4028 §9); else 0."""
    wanted = asked(invite)
    if wanted is None or settings.sessiontimer == "never" or not can(invite):
        return 0
    handles = settings.sessiontimerhandlelocally
    ours = handles == "yes" or (handles == "auto" and settings.sessiontimer != "off")
    return settings.def_min_sessiontimer if ours and wanted.interval < settings.def_min_sessiontimer else 0


def invite_headers(call: Call, theirs: Settings) -> tuple[list[Header], bool]:
    """What our INVITE to a target says, and whether its Supported names the extension; decides who handles this call's timers."""
    mine = call.board.world().settings_of(call.account)
    if mine.sessiontimer == "off" == theirs.sessiontimer and not can(call.invite):
        return [], False
    call.timers = _who(mine, theirs)
    if call.timers == THEIRS:
        passed: list[Header] = [
            (name, value) for name in ("Session-Expires", "Min-SE") if (value := call.invite.get(name))
        ]
        return passed, can(call.invite)
    target = policy(theirs)
    if call.timers != OURS or not target.on:
        return [], False
    return [("Session-Expires", str(target.interval)), ("Min-SE", str(target.shortest))], True


def _who(mine: Settings, theirs: Settings) -> str:
    handles = mine.sessiontimerhandlelocally
    if handles == "no":
        return ""
    if handles == "yes" or (handles == "auto" and (policy(mine).on or policy(theirs).on)):
        return OURS
    return "" if "never" in {mine.sessiontimer, theirs.sessiontimer} else THEIRS


def answered(call: Call, branch: Branch, response: Response) -> list[Header]:
    """The call is up: start what is to run; what the 2xx to the caller says of it."""
    if call.timers == THEIRS:
        agreed = asked(response)
        if agreed is None:
            return []
        refresher: Leg = call.caller if agreed.refresher == "uac" else branch
        refresher.timer = SessionTimer(refresher, agreed.interval, ours=False, watch=True)
        return _passed(response)
    theirs = policy(call.board.world().settings_of(branch.target.account))
    agreed = asked(response) if theirs.on else None
    if agreed is not None:
        ours = agreed.refresher != "uas"
        branch.timer = SessionTimer(branch, agreed.interval, ours=ours, every=theirs.every)
    elif theirs.mode == "forced":
        branch.timer = SessionTimer(branch, theirs.interval, ours=True, every=theirs.every, told=False)
    if branch.timer is not None:
        branch.timer.learn(response)
    return _answer(call.caller, call.invite)


def _passed(message: Message) -> list[Header]:
    found: list[Header] = [("Session-Expires", message.get("Session-Expires") or "")]
    return [*found, ("Require", EXTENSION)] if can(message) else found


def _answer(leg: Leg, request: Request) -> list[Header]:
    """What a 2xx to the party says of its session's interval (RFC 4028 §9, table 2); its timer runs from now on."""
    call = leg.call
    account = leg.account
    mine = policy(call.board.world().settings_of(account))
    wanted, knows = asked(request), can(request)
    if mine.mode == "never" or (mine.mode == "off" and wanted is None):
        return []
    if not knows and (wanted is None or mine.mode == "off"):
        if mine.mode == "forced" and leg.timer is None:
            leg.timer = SessionTimer(leg, mine.interval, ours=True, every=mine.every, told=False)
            leg.timer.learn(request)
        return []
    interval = min(wanted.interval, mine.longest) if wanted is not None else mine.interval
    interval = max(interval, mine.shortest, least(request) if request.get("Min-SE") is not None else 0)
    refresher = wanted.refresher if wanted is not None else ""
    if not refresher:
        refresher = "uas" if mine.every or not knows else "uac"
    if leg.timer is None:
        leg.timer = SessionTimer(leg, interval, ours=refresher == "uas", every=mine.every)
    else:
        leg.timer.agree(interval, ours=refresher == "uas")
    leg.timer.learn(request)
    headers: list[Header] = [("Session-Expires", f"{interval};refresher={refresher}")]
    return [*headers, ("Require", EXTENSION)] if refresher == "uac" else headers


# --- inside the dialog ----------------------------------------------------------------------------------------------------------


def handles(leg: Leg, request: Request) -> bool:
    """Whether the request does nothing but refresh a session that we handle: it is answered here."""
    return (
        leg.call.timers == OURS
        and leg.call.state == "up"
        and request.method == "UPDATE"
        and not request.body
        and (leg.timer is not None or asked(request) is not None)
    )


def refreshes(leg: Leg, request: Request) -> list[Header]:
    """The party refreshes: what our 2xx says."""
    headers = _answer(leg, request)
    if leg.timer is not None:
        leg.timer.refreshed()
    return headers


def too_short(leg: Leg, request: Request) -> int:
    """Our Min-SE, when a request in the dialog asks for less; else 0."""
    wanted = asked(request)
    if wanted is None or leg.call.timers != OURS or not can(request):
        return 0
    shortest = leg.board.world().settings_of(leg.account).def_min_sessiontimer
    return shortest if wanted.interval < shortest else 0


def passing_on(target: Leg, request: Request) -> list[Header]:
    """What a re-INVITE or UPDATE says that is passed on: to the party's own timer, or what the parties have agreed."""
    if target.call.timers == THEIRS:
        known = [(n, v) for n in ("Session-Expires", "Min-SE") if (v := request.get(n))]
        return [*known, ("Supported", EXTENSION)] if can(request) else known
    return target.timer.headers() if target.timer is not None else []


def passing_back(source: Leg, target: Leg, request: Request, response: Response) -> list[Header]:
    """The same for its 2xx; both parties have shown that they are there."""
    call = source.call
    if call.timers == THEIRS:
        agreed = asked(response)
        for leg in (source, target):
            if leg.timer is not None:
                leg.timer.refreshed()
        return [] if agreed is None else _passed(response)
    if target.timer is not None:
        target.timer.confirmed(response)
    return refreshes(source, request)


class SessionTimer:
    """Of one party. `ours`: we refresh; `told`: it knows of it; `watch`: the parties do all themselves."""

    __slots__ = (
        "_alarm",
        "_every",
        "_leg",
        "_may_update",
        "_shortest",
        "heard",
        "interval",
        "ours",
        "told",
        "watch",
    )

    def __init__(
        self, leg: Leg, interval: int, *, ours: bool, every: int = 0, told: bool = True, watch: bool = False
    ) -> None:
        self._leg = leg
        self.interval = interval
        self.ours = ours
        self.told = told
        self.watch = watch
        self.heard = leg.board.wall()
        """When the party was last known to be there, epoch seconds."""
        self._every = every
        self._shortest = 0
        self._may_update = False
        self._alarm = Alarm(self._ring)
        self.refreshed()

    def learn(self, message: Message) -> None:
        """What the party can do, from its INVITE or 2xx."""
        allowed = message.get("Allow")
        if allowed is not None:
            self._may_update = "UPDATE" in allowed.upper()

    def agree(self, interval: int, *, ours: bool) -> None:
        """Another interval, or the other one refreshes now."""
        self.interval, self.ours, self.told = interval, ours, True

    def headers(self) -> list[Header]:
        """What our requests to the party say."""
        supported: list[Header] = [("Supported", EXTENSION)]
        if not self.told:
            return supported
        interval = max(self.interval, self._shortest)
        refresher = "uac" if self.ours else "uas"
        headers = [*supported, ("Session-Expires", f"{interval};refresher={refresher}")]
        return [*headers, ("Min-SE", str(self._shortest))] if self._shortest else headers

    def confirmed(self, response: Response) -> None:
        """A 2xx to a request of ours: `uac` in it is us."""
        agreed = asked(response)
        if agreed is not None:
            self.agree(agreed.interval, ours=agreed.refresher != "uas")
        self.refreshed()

    def refreshed(self) -> None:
        """The party is there: the interval begins anew."""
        board = self._leg.board
        self.heard = board.wall()
        if self.watch:
            wait = self.interval + 32.0  # they end it themselves, if any of them is left
        elif self.ours:
            wait = min(self._every or self.interval / 2, max(self.interval - 32, self.interval / 2))
        else:
            wait = self.interval - min(32, self.interval / 3)  # RFC 4028 §10
        board.alarms.set(self._alarm, board.now + wait)

    def stop(self) -> None:
        """The call is over."""
        self._leg.board.alarms.cancel(self._alarm)

    def _ring(self) -> None:
        if self.ours and not self.watch:
            self.refresh()
        else:
            self.expired()

    def expired(self) -> None:
        """The party is gone."""
        self._leg.call.dead(self._leg, self.heard)

    # --- our refreshes ----------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Ask the party whether it is there; later, while another request is under way."""
        leg = self._leg
        if (
            leg.asking is not None
            or leg.serving is not None
            or leg.unacked is not None
            or leg.awaiting_ack is not None
        ):
            self.later(_AGAIN)
            return
        method = "UPDATE" if self._may_update or not leg.shown else "INVITE"
        Refresh(leg, method, self).send()

    def later(self, wait: float) -> None:
        """Try again, unless the interval is over by then."""
        board = self._leg.board
        if board.wall() + wait > self.heard + self.interval:
            self.expired()
        else:
            board.alarms.set(self._alarm, board.now + wait)

    def refused(self, response: Response) -> None:
        """The party is there, but did not take the refresh as it was."""
        if response.status == 422:
            self._shortest = max(self._shortest, least(response), self.interval + 1)
            self.interval = max(self.interval, self._shortest)
            self.heard = self._leg.board.wall()
            self.later(_AGAIN)
        elif response.status in _NO_UPDATE and self._may_update:
            self._may_update = False
            self.refresh()
        elif response.status in {491, 500, 503}:
            self.later(_AGAIN)
        else:
            self.refreshed()  # it answered: that is all we wanted to know


class Refresh:
    """One refresh of ours on its way."""

    __slots__ = ("_proof", "leg", "method", "timer")

    def __init__(self, leg: Leg, method: str, timer: SessionTimer) -> None:
        self.leg = leg
        self.method = method
        self.timer = timer
        self._proof: tuple[Header, ...] = ()

    def send(self) -> None:
        """Let it go."""
        leg = self.leg
        headers: list[Header] = [ALLOW, *self.timer.headers(), *self._proof]
        body = leg.shown if self.method == "INVITE" else b""
        if body:
            headers.append(("Content-Type", media.SDP_TYPE))
        tx = leg.request(self.method, tuple(headers), body, self)
        if self.method == "INVITE":
            leg.asking = tx

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        """The party's answer."""
        leg, status = self.leg, response.status
        if status < 200:
            return
        if isinstance(tx, InviteClientTransaction):
            leg.asking = None
            if status < 300:
                leg.unacked = tx
        if leg.dialog is not None:
            leg.dialog.on_response(response)
        if leg.unacked is tx:
            leg.acknowledge()
        if leg.call.state != "up":
            return
        if status < 300:
            self._taken(response)
        elif status in _GONE:
            self.timer.expired()
        elif status in CHALLENGES and self._prove(tx, response):
            self.send()
        else:
            self.timer.refused(response)

    def _taken(self, response: Response) -> None:
        self.timer.confirmed(response)
        with suppress(media.BadSdp):
            media.passed(self.leg.call, response, self.leg)  # the relay learns where its media is now

    def _prove(self, tx: ClientTransaction, response: Response) -> bool:
        if self._proof or tx.request is None:
            return False
        proof = prove(self.leg.trunk, response, self.method, tx.request.uri)
        self._proof = () if proof is None else (proof,)
        return proof is not None

    def on_timeout(self) -> None:
        """No answer at all."""
        self.leg.asking = None
        self.timer.expired()

    on_transport_error = on_timeout
