"""Transfers by REFER (RFC 3515, 3892, 4488, 5589): the party that asks, T, has the other one, R, connected to somebody else, X.

1. Who may ask, and what is done with it, say the settings `handlerefer` and `allowclientinitiatedtransfer` (guide 6175-6203).
2. Passed on: R's phone calls X itself, by us as anybody else, and pays. Else 202, and T hears by NOTIFY how it goes.
3. Blind: X is called for T's account and money, a record of its own (guide 4438). R is on hold meanwhile. X answers: it takes
   T's place in the conversation, R gets its description, T is let go. It does not: T has R again, or, when T has left already, R
   is told why.
4. Attended (Replaces): the dialog that T has with X is one of ours, on this worker or another: R joins it in the place of T
   (`inner`, `replaces`). Both calls go on to be paid and recorded as they were.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from switch.call import hold, inner, media
from switch.call.asker import PartyAsker
from switch.call.board import bracketed, new_call_id
from switch.call.branch import Branch
from switch.call.identity import escaped
from switch.call.offers import Origin, awake, on_hold, place_of
from switch.call.onward import Apart
from switch.call.parties import introduce, settled, take_place
from switch.sip.message import BadMessage, Request, Response
from switch.sip.sdp import BadSdp, Sdp

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.causes import Cause
    from switch.call.leg import Leg
    from switch.call.model import Caller, CallRequest
    from switch.call.onward import Onward
    from switch.call.reliable import Owed
    from switch.sip.message import Header
    from switch.sip.server import ServerTransaction
    from switch.sip.uri import NameAddr, Uri
    from switch.world.settings import Settings

PHONES = frozenset(("subscriber", "extension", "agent"))
SUBSCRIBED = 180
"""Seconds that T's subscription to the progress lasts at most."""


def asked(leg: Leg, tx: ServerTransaction, request: Request) -> bool:
    """A party asks for a transfer. False: it is to be passed on to the other party as it is."""
    call, board = leg.call, leg.board
    other = call.called if leg is call.caller else call.caller
    account = leg.whose
    if call.state != "up" or other is None or account is None or call.transfer is not None:
        tx.reply(403 if account is None else 491, board.now)
        return True
    try:
        target = referred(request)
    except BadMessage as error:
        tx.reply(400, board.now, error.reason)
        return True
    settings = board.world().settings_of(account)
    if not allowed(call, account, settings):
        tx.reply(603, board.now)
        return True
    replaces = unquote(_header(target.uri, "replaces"))
    if settings.handlerefer == "pass":
        request.set("Refer-To", _rewritten(target, other, settings, board.world().settings))
        return False
    Transfer(
        call, leg, other, account, target.uri, "" if settings.handlerefer == "new_call" else replaces
    ).begin(tx, request, settings)
    return True


def hangs_up_for(leg: Leg, request: Request) -> bool:
    """Whether a BYE names in Also whom the other party is to be connected to (as old Cisco phones transfer, guide 6149-6151)."""
    call, board = leg.call, leg.board
    other = call.called if leg is call.caller else call.caller
    account = leg.whose
    if call.state != "up" or other is None or account is None or call.transfer is not None or leg.aside:
        return False
    try:
        target = referred(request, "Also")
    except BadMessage:
        return False
    settings = board.world().settings_of(account)
    if not allowed(call, account, settings):
        return False
    made = Transfer(call, leg, other, account, target.uri, "")
    made.subscribed = False
    made.gone()
    made.start(settings)
    return True


def referred(request: Request, header: str = "Refer-To") -> NameAddr:
    """The one Refer-To. BadMessage when there is none, another, or it cannot be called (RFC 3515 §2.4.2)."""
    targets = request.addresses(header)
    if len(targets) != 1 or targets[0].uri.scheme not in {"sip", "tel"} or not targets[0].uri.user:
        raise request.refuse(400, f"one {header} with somebody to call is expected")
    return targets[0]


def allowed(call: Call, account: Caller, settings: Settings) -> bool:
    """Whether this account may transfer this call."""
    if settings.handlerefer == "block" or settings.allowclientinitiatedtransfer == "no":
        return False
    local = account.kind in PHONES
    if settings.handlerefer == "subscribers" and not local:
        return False
    free = not any(one.decision is not None and one.decision.payers for one in (call, *call.guests))
    return local or free or settings.allowclientinitiatedtransfer == "yes"


def _header(uri: Uri, name: str) -> str:
    """A header in a URI, still escaped; "" when it is not there."""
    pairs = (piece.partition("=") for piece in uri.headers.split("&"))
    return next((value for key, _, value in pairs if key.lower() == name), "")


def _rewritten(target: NameAddr, other: Leg, settings: Settings, everybody: Settings) -> str:
    """Refer-To as the other party shall call it: by us, when it named us or the setting says so (guide 6239-6249)."""
    uri, board = target.uri, other.board
    host, port = board.sockets.local_address(other.flow._replace(own=False))
    ours = uri.host in everybody.domainnames or board.sockets.is_own(
        uri.address, uri.port or 5060, other.flow
    )
    if settings.refertorewrite == "never" or (settings.refertorewrite == "auto" and not ours):
        return f"<{uri}>"
    return f"<{uri.replace(scheme='sip', host=bracketed(host), port=port, params={})}>"


class Transferred(Apart):
    """T's call to X, in which R is to talk."""

    __slots__ = ("by",)
    by: Transfer

    def told(self, own: str) -> tuple[Header, ...]:
        return self.by.told_who(own)

    def progress(self, response: Response, branch: Branch, owed: Owed | None = None) -> bool:
        if self.state in {"trying", "ringing"}:
            self.state = "ringing"
            if self.ringing_at is None and response.status in {180, 183}:
                self.ringing_at = self.wall_now()
            self.by.notify(response.status, response.reason)
        return False

    def answer(self, branch: Branch, response: Response) -> None:
        if self.taken(branch, response):
            self.by.connected(branch, response)


class Transfer:
    """One transfer, from the REFER to its end."""

    __slots__ = (
        "account", "call", "event", "guest", "held", "left", "leg", "other", "over", "replaces", "settings", "sounding",
        "subscribed", "uri",
    )  # fmt: skip

    def __init__(self, call: Call, leg: Leg, other: Leg, account: Caller, uri: Uri, replaces: str) -> None:
        self.call = call
        self.leg = leg
        self.other = other
        self.account = account
        self.uri = uri
        self.replaces = replaces
        self.guest: Apart | None = None
        self.subscribed = True
        self.event = "refer"
        self.held = False
        self.left = False
        self.over = False
        self.sounding = 0
        self.settings = call.board.world().settings_of(account)

    def begin(self, tx: ServerTransaction, request: Request, settings: Settings) -> None:
        """Accept it, and call X."""
        board = self.call.board
        self.event = f"refer;id={request.cseq.number}"
        headers: list[Header] = [("Contact", self.leg.contact)]
        if (request.get("Refer-Sub") or "").strip().lower().startswith("false"):
            self.subscribed = False
            headers.append(("Refer-Sub", "false"))
        tx.reply(202, board.now, None, headers)
        self.notify(100, "Trying")
        self.start(settings)

    def start(self, settings: Settings) -> None:
        """Call X, and let R wait."""
        self.call.transfer = self
        blind = settings.discontransfer == "auto" and settings.handlerefer == "blind"
        unheard = settings.discontransfer == "at_once_without_refersub" and not self.subscribed
        if not self.left and (settings.discontransfer == "at_once" or blind or unheard):
            self._let_go()
        if settings.holdontransfer:
            self._hold()
        self._dial()

    def _dial(self) -> None:
        guest: inner.Inner | Transferred
        label = self.replaces.partition("to-tag=")[2]
        if self.replaces and _ours(label):
            guest = inner.Inner(
                self.call, self.account, self._request(), self.failed, invite=self._offer(), source=self.other
            )
            guest.connected = self.connected
            guest.extra = (
                ("Replaces", self.replaces),
                inner.seal(self.call.board, self.replaces),
                *self.told_who(""),
            )
        else:
            guest = Transferred(
                self.call, self.account, self._request(), self.failed, invite=self._offer(), source=self.other
            )
            guest.by = self
        self.guest = guest
        guest.asks_as_caller = self.leg.is_caller
        guest.begin()

    def _request(self) -> CallRequest:
        call = self.call
        decision = call.decision
        assert decision is not None
        shown = decision.called if self.leg.is_caller else decision.caller_number
        return replace(
            call.request,
            call_id=new_call_id(call.wall_now()),
            received_at=call.wall_now(),
            called=self.uri.user,
            called_host=self.uri.host,
            max_forwards=call.request.max_forwards - 1,
            digest_username="",
            dialled=False,
            diversions=(),
            from_display="",
            shown_number=shown,
        )

    def _offer(self) -> Request:
        """What R would offer, if it called X itself."""
        body = awake(self.other.described)
        named = [one for one in self.call.invite.headers if one[0] in {"From", "Call-ID", "CSeq"}]
        kind = [("Content-Type", media.SDP_TYPE)] if body else []
        return Request("INVITE", "sip:transfer", [*named, *kind], body)

    def told_who(self, own: str) -> tuple[Header, ...]:
        """Who transferred (RFC 3892), and what of a dialog elsewhere is to be replaced."""
        headers: list[Header] = []
        if own:
            headers.append(("Referred-By", f"<sip:{escaped(self.account.username)}@{own}>"))
            if self.replaces:
                headers.append(("Replaces", self.replaces))
        return tuple(headers)

    # --- R waits ----------------------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        """R neither hears nor is heard, unless T has put it on hold already."""
        try:
            if not self.leg.described or Sdp.parse(self.leg.described).held:
                hold.look(self.call)
                return
            body = on_hold(self.leg.described)
        except BadSdp:
            return
        introduce(self.call, self.leg, self.other, body, lambda _answer, _body: None)
        self.held = True

    # --- T hears ----------------------------------------------------------------------------------------------------------------

    def notify(self, status: int, reason: str) -> None:
        """NOTIFY with the status line that X's side has come to (RFC 3515 §2.4.4); final ones end the subscription."""
        if not self.subscribed or self.left or status == self.sounding or not self.leg.keys:
            return
        self.sounding = status
        state = f"active;expires={SUBSCRIBED}" if status < 200 else "terminated;reason=noresource"
        headers = (
            ("Event", self.event),
            ("Subscription-State", state),
            ("Content-Type", "message/sipfrag;version=2.0"),
        )
        self.leg.request("NOTIFY", headers, f"SIP/2.0 {status} {reason}\r\n".encode(), PartyAsker(self.leg))

    def _let_go(self) -> None:
        """T is disconnected."""
        self.left = True
        self.leg.aside = True
        self.leg.hang_up()

    def gone(self) -> None:
        """T has hung up; what it asked for goes on."""
        self.left = True
        self.leg.aside = True
        self.leg.leave()

    # --- how it ends ------------------------------------------------------------------------------------------------------------

    def connected(self, branch: Branch, response: Response) -> None:
        """X answered: it takes T's place."""
        call, leg, other = self.call, self.leg, self.other
        self.over = True
        call.transfer = None
        offered = place_of(other.described)
        if other.origin is None:
            other.origin = Origin(leg.described)
        take_place(call, leg, branch)
        if self.guest is not None:
            media.move(call, self.guest)
        if media.has_sdp(response):
            branch.described = response.body
            introduce(call, branch, other, response.body, partial(settled, call, branch, offered))
        self.notify(200, "OK")
        if self.settings.discontransfer != "never" and not self.left:
            self._let_go()

    def failed(self, _guest: Onward, cause: Cause, status: int) -> None:
        """X did not answer: T has R again, or R is told why."""
        call = self.call
        if self.over:
            return
        self.over = True
        call.transfer = None
        self.notify(status, cause.text)
        if call.state != "up":
            return
        if self.settings.discontransfer == "on_failure_without_refersub" and not self.subscribed:
            self._let_go()
        if self.left:
            call.hang_up(cause, comment="the transfer failed")
        elif self.held:
            introduce(call, self.leg, self.other, self.leg.described, lambda _answer, _body: None)


def _ours(label: str) -> bool:
    """Whether a tag is one that a worker of ours made."""
    return label[:1] == "w" and label[1:].partition("-")[0].isdigit() and "-" in label
