"""One attempt to reach somebody: our INVITE, its answers, and what is to be cleaned up when it is given up."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from switch.call import history, identity, large, media, reliable, session_timer
from switch.call.abilities import ALLOW
from switch.call.alarms import Alarm
from switch.call.board import bracketed, transport_param
from switch.call.headers import along
from switch.call.leg import Leg
from switch.call.model import AUTO
from switch.call.proof import CHALLENGES, prove
from switch.call.reasons import changed
from switch.sip.client import CALLING, InviteClientTransaction
from switch.sip.dialog import Dialog
from switch.sip.locate import DEFAULT_PORT
from switch.sip.message import BadMessage, Header, Request, Response
from switch.stir import stir

if TYPE_CHECKING:
    from collections.abc import Callable

    from switch.call.call import Call
    from switch.call.model import Caller, Decision, Target
    from switch.call.names import Way
    from switch.net import Flow
    from switch.registrar import Binding
    from switch.sip.uri import NameAddr
    from switch.world.settings import Settings

log = logging.getLogger("switch.call")

NO_ANSWER_STATUS = 408
_MOST_INVITES = 5
"""A carrier that refuses each of our INVITEs for another session interval is not asked for ever."""
FLOW_FAILED = 430
CLIENT_ADDRESS = "X-Client-Address"
_CARRIED_ON = ("Subject", "Priority", "User-to-User", "Accept-Language")
"""Headers of the caller that concern the called and tell nothing about the caller's network."""
_CARRIED_ON_UNNAMED = ("Priority", "User-to-User")
"""Those that do not tell who it is (RFC 3323 §5.1)."""


class Branch(Leg):
    """A called party. `done(branch, status)` is called once, unless it was answered or given up."""

    __slots__ = (
        "address", "alarm", "answered", "began", "binding", "done", "early", "given_up", "invite", "line", "moved", "other_ways", "rang",
        "refusal", "ring_seconds", "routes", "small", "status", "target", "to", "tried_digest", "tx", "uri", "via_way",
    )  # fmt: skip

    def __init__(
        self, call: Call, target: Target, flow: Flow, uri: str, done: Callable[[Branch, int], None]
    ) -> None:
        phone = target.trunk is None
        sips = uri.startswith("sips:")
        super().__init__(call.board, call, flow, is_caller=call.asks_as_caller, phone=phone, sips=sips)
        self.target = target
        self.trunk = target.trunk
        self.rules = call.board.world().header_rules(target.account)
        self.uri = uri
        self.done = done
        self.address = f"{flow.host}:{flow.port}"
        self.routes: tuple[str, ...] = ()
        self.small: Flow | None = None
        """The way by UDP of an INVITE that is tried by TCP because of its size."""
        self.via_way: Way | None = None
        self.other_ways: list[Way] = []
        """Of a carrier: other ways to the same one, for when this one leads nowhere (RFC 3263 §4.3)."""
        self.binding: Binding | None = None
        """Of a phone: the registration that it is called by."""
        self.tx: InviteClientTransaction | None = None
        self.invite: Request | None = None
        self.alarm = Alarm(self._too_long)
        self.began = call.board.now
        self.rang: float | None = None
        """When it was heard first that somebody rings, or of media before the answer."""
        self.given_up = False
        self.answered = False
        self.tried_digest = False
        self.line = False
        self.early: dict[str, reliable.Early] = {}
        self.refusal: Response | None = None
        self.status = 0
        self.to = ""
        """The To of the INVITE where it is not its Request-URI."""
        self.ring_seconds = 0
        """How long it may ring; 0: as the trunk or the settings say."""
        self.moved: tuple[str, ...] = ()
        """Where a 3xx says that it is."""

    # --- asking -----------------------------------------------------------------------------------------------------------------

    def ask(self, body: bytes, *, first_answer_within: float) -> None:
        """Send the INVITE. Any answer, a 100 too, must come within so many seconds."""
        call, board = self.call, self.board
        if not self.line and self.target.kind != "inner":
            board.usage.take_line(self.target.account.id, self.target.route)
            self.line = True
        if self.target.kind == "carrier":
            board.usage.send(self.target.account.id)
        ids, decision = board.ids, call.decision
        assert decision is not None
        host, _ = board.sockets.local_address(self.flow)
        settings = self._settings()
        own = settings.localdomain or bracketed(host)
        mine = board.world().settings_of(call.account)
        shown = identity.present(self._facts(decision, mine, settings), mine, settings)
        if call.verdict is not None and self.target.kind != "carrier":
            shown = identity.with_verstat(shown, stir.verstat_of(call, shown.user), settings.verstat)
        always = settings.sendsipuseruripart == "always"
        from_ = identity.from_value(shown, self._from_host(own, settings), phone=always)
        headers: list[Header] = [
            ("Via", board.via(self.flow)),
            ("Max-Forwards", str(max(0, call.request.max_forwards - 1))),
            *[("Route", route) for route in self.routes],
            ("From", f"{from_};tag={ids.tag()}"),
            ("To", f"<{self.to or self.uri}>"),
            ("Call-ID", f"{ids.random()}@{host}"),
            ("CSeq", "1 INVITE"),
            ("Contact", self.contact),
            ALLOW,
        ]
        timers, timed = session_timer.invite_headers(call, settings)
        headers += timers
        supported = ["replaces"]
        if reliable.offered(call, settings.prack):
            supported.append(reliable.EXTENSION)
        if timed:
            supported.append(session_timer.EXTENSION)
        headers.append(("Supported", ", ".join(supported)))
        headers += identity.identity_headers(shown, own, critical="critical" in call.privacy)
        if call.diverted or call.invite.get("Diversion") or call.invite.get("History-Info"):
            headers += history.headers(
                call, settings.diversion, own, trusted=identity.trusted(call.account, mine)
            )
        headers += call.told(own)
        if settings.forwardclientaddress and not shown.hidden:
            source = call.request
            headers.append((CLIENT_ADDRESS, f"{bracketed(source.source_host)}:{source.source_port}"))
        for name in _CARRIED_ON if "user" not in call.privacy else _CARRIED_ON_UNNAMED:
            value = call.invite.get(name)
            if value:
                headers.append((name, value))
        headers += along(call.invite, call.caller.rules, call.caller.flow.host, self.rules, self.flow.host)
        if board.stir is not None and self.target.kind == "carrier":
            headers += board.stir.sign(
                call, self.target.account, shown.identity or shown.user, decision.called
            )
        if body:
            headers.append(("Content-Type", call.invite.get("Content-Type") or media.SDP_TYPE))
        invite = Request("INVITE", self.uri, headers, body)
        if self.rules is not None:
            self.rules.said(invite, self.flow.host, beginning=True)
        self._send(invite)
        board.alarms.set(self.alarm, board.now + first_answer_within)

    def _facts(self, decision: Decision, mine: Settings, settings: Settings) -> identity.Facts:
        invite, call, called = self.call.invite, self.call, self.target.account
        world = call.board.world()
        claimed = partial(identity.claim, call.account, mine, world)
        heeded = mine.parseidentity != "no" and identity.trusted(call.account, mine)
        return identity.Facts(
            number=self.target.shown or decision.caller_number,
            ruled=self.target.ruled or decision.shown,
            ruled_identity=self.target.identity,
            display=self.target.display or decision.caller_display,
            username=call.account.username,
            own_number=call.account.caller_number.removeprefix("+"),
            from_user=claimed(call.request.from_user),
            contact_user=claimed(identity.user_of(invite, "Contact")),
            asserted=call.request.asserted_number.removeprefix("+") if heeded else "",
            remote_party=claimed(identity.user_of(invite, "Remote-Party-ID")),
            everybodys=world.settings.replacecalleroncalls,
            called_username=called.username,
            called_number=called.caller_number.removeprefix("+") or self.target.number,
            privacy={"hide": call.privacy | {"id"}, "show": identity.SHOWN}.get(
                decision.privacy, call.privacy
            ),
            carrier=self.target.kind == "carrier",
            trusted=identity.trusted(called, settings),
        )

    def _from_host(self, own: str, settings: Settings) -> str:
        """The domain of From (`usephysicalfromaddr`, guide 13872): the target's, or an address of ours."""
        where, trunk = settings.usephysicalfromaddr, self.trunk
        if trunk is None or where in {"local", "mostly_local"} or (where == "auto" and not trunk.username):
            return own
        return bracketed(trunk.host)

    def _send(self, invite: Request) -> None:
        data = invite.encode()
        if len(data) > large.LIMIT and large.by_tcp(self):
            invite.set("Via", self.board.via(self.flow))
            data = invite.encode()
        self.invite = invite
        self.shown = invite.body
        self.tx = self.board.layer.invite(invite, self.flow, self.board.now, data)
        self.tx.context = self
        self.board.trace.belongs(self.call, invite.call_id)

    # --- what comes back --------------------------------------------------------------------------------------------------------

    def on_response(self, tx: InviteClientTransaction, response: Response) -> None:
        status = response.status
        if self.rules is not None:
            self.rules.heard(response, self.flow.host)
        if status < 200:
            self._provisional(response)
        elif status < 300:
            self._accepted(tx, response)
        elif not self.given_up and tx is self.tx:
            self._refused(response)

    def _provisional(self, response: Response) -> None:
        if self.given_up or self.answered:
            return
        if not self.status:
            self.board.alarms.set(self.alarm, self.board.now + self._ring_seconds())
        self.status = response.status
        if response.status > 100:
            if self.rang is None:
                self.rang = self.board.now
            owed = None
            if response.to.tag and self.invite is not None:
                self._enter(response)
                owed = reliable.heard(self, response)
            if isinstance(owed, bool):
                return
            passed = response.status != 199 and self.call.progress(response, self, owed)
            if owed is not None and not passed:
                owed.send()

    def _enter(self, response: Response) -> None:
        """The dialog of this response; a fork behind the carrier has one for each of its ends."""
        assert self.invite is not None
        known = self.keys.get((response.call_id, response.from_.tag or "", response.to.tag or ""))
        if known is None:
            self.enter(Dialog.of_caller(self.invite, response, self.contact))
        else:
            self.dialog = known
            known.on_response(response)

    def _ring_seconds(self) -> float:
        trunk = self.target.trunk
        if self.ring_seconds:
            return self.ring_seconds
        if trunk is not None:
            return trunk.answer_seconds
        return self._settings().ringtimeout

    def _accepted(self, tx: InviteClientTransaction, response: Response) -> None:
        """A 2xx: ours, or one too many of a fork or after a CANCEL, which is acknowledged and hung up (RFC 3261 §13.2.2.4)."""
        if self.answered or self.given_up or self.call.state not in {"trying", "ringing"}:
            self._hang_up_stray(tx, response)
            return
        self.answered = True
        self.board.alarms.end(self.alarm)
        self.board.trunks.worked(self.target.login)
        self._enter(response)
        self.settle()
        reliable.complete(self, response)
        self.unacked = tx
        if media.has_sdp(self.call.invite):
            self.acknowledge()
        try:
            self.call.answer(self, response)
        except media.BadSdp as error:
            log.warning("call=%s the answer's session description is bad: %s", self.call.id, error)
            self.answered = False
            self.hang_up()
            self.over(488)

    def _hang_up_stray(self, tx: InviteClientTransaction, response: Response) -> None:
        request = self.invite
        if request is None:
            return
        sips = self.uri.startswith("sips:")
        stray = Leg(self.board, self.call, self.flow, is_caller=False, phone=self.phone, sips=sips)
        stray.trunk = self.trunk
        stray.enter(Dialog.of_caller(request, response, self.contact))
        stray.unacked = tx
        stray.hang_up('SIP;cause=200;text="Call completed elsewhere"')

    def _refused(self, response: Response) -> None:
        status = response.status
        if (
            (status in CHALLENGES and self._prove(response))
            or (status == 421 and self._wants_reliable(response))
            or (status == 422 and self._longer(response))
        ):
            return
        if 300 <= status < 400:
            self.moved = contacts_of(response)
        self.leave()
        self.refusal = response
        own = self._settings().changediscreason
        if own and own != self.board.world().settings_of(self.call.account).changediscreason:
            status = changed(status, own)  # what holds for everybody is changed once, towards the caller
        self.over(status)

    def _prove(self, response: Response) -> bool:
        """Answer a carrier's challenge once, with the secret that the trunk has (RFC 3261 §22.3)."""
        invite = self.invite
        if self.tried_digest or invite is None:
            return False
        proof = prove(self.trunk, response, "INVITE", invite.uri)
        if proof is None:
            return False
        self.tried_digest = True
        self._ask_again(invite, proof)
        return True

    def _ask_again(self, invite: Request, *headers: Header) -> None:
        """The same INVITE, with these headers as they are here."""
        self.leave()
        self.dialog = None
        again = Request("INVITE", invite.uri, list(invite.headers), invite.body)
        again.set("Via", self.board.via(self.flow))
        again.set("CSeq", f"{invite.cseq.number + 1} INVITE")
        for header in headers:
            again.set(*header)
        self._send(again)

    def _wants_reliable(self, response: Response) -> bool:
        """Whether 421 asked for 100rel, and a second INVITE says that we can do that."""
        invite = self.invite
        if invite is None or reliable.names(invite, "Supported") or not reliable.names(response, "Require"):
            return False
        if not reliable.offered(self.call, self._settings().prack, asked=True):
            return False
        known = invite.get("Supported")
        self._ask_again(
            invite, ("Supported", f"{known}, {reliable.EXTENSION}" if known else reliable.EXTENSION)
        )
        return True

    def _longer(self, response: Response) -> bool:
        """Whether 422 asked for a longer session interval, and a second INVITE has it (RFC 4028 §7.3)."""
        invite = self.invite
        if invite is None or self.call.timers != session_timer.OURS:
            return False
        wanted, asked = session_timer.least(response), session_timer.asked(invite)
        if asked is None or wanted <= asked.interval or invite.cseq.number > _MOST_INVITES:
            return False
        self._ask_again(invite, ("Session-Expires", str(wanted)), ("Min-SE", str(wanted)))
        return True

    @property
    def account(self) -> Caller:
        return self.target.account

    @property
    def whose(self) -> Caller | None:
        return self.owner or (self.target.account if self.target.kind != "inner" else None)

    def _settings(self) -> Settings:
        return self.board.world().settings_of(self.target.account)

    def on_timeout(self) -> None:
        if not self.given_up and not self.answered:
            self.over(NO_ANSWER_STATUS)

    def on_transport_error(self) -> None:
        """Of a carrier it counts as 503 (RFC 3261 §8.1.3.1); a phone whose connection is gone is not there any more."""
        if self.given_up or self.answered:
            return
        again = large.by_udp(self)
        if again is not None:
            self._send(again)
        else:
            self.over(503 if self.trunk is not None else FLOW_FAILED)

    def _too_long(self) -> None:
        """No first answer in time, or it rings for too long."""
        if self.given_up or self.answered:
            return
        self._cancel("no answer in time")
        self.over(NO_ANSWER_STATUS)

    def over(self, status: int) -> None:
        """It failed with this status."""
        self.given_up = True
        self.board.alarms.end(self.alarm)
        self.free_line()
        self.done(self, status)

    def free_line(self) -> None:
        if self.line:
            self.line = False
            self.board.usage.free_line(self.target.account.id, self.target.route)

    # --- giving up --------------------------------------------------------------------------------------------------------------

    def give_up(self, why: str, reason: str = "") -> None:
        """Nobody wants its answer any more: CANCEL, and BYE should it be answered all the same; `reason`: the caller's own."""
        if self.given_up or self.answered:
            return
        self.given_up = True
        self.board.alarms.end(self.alarm)
        self.free_line()
        self._cancel(why, reason)

    def _cancel(self, why: str, reason: str = "") -> None:
        self.leave()
        tx = self.tx
        if tx is None:
            return
        if tx.state == CALLING:
            # Nobody has heard it yet, and nobody need hear it again; a late answer is still dealt with.
            self.board.layer.wheel.arm(tx, tx.deadline)
        cause = 200 if why == ELSEWHERE else 487
        tx.cancel(self.board.now, (("Reason", reason or f'SIP;cause={cause};text="{why}"'),))


ELSEWHERE = "Call completed elsewhere"
"""The reason of RFC 3326 §2 by which phones do not show the call as missed."""


def contacts_of(response: Response) -> tuple[str, ...]:
    """The addresses of a 3xx, the preferred first; none when they cannot be read."""
    try:
        contacts = response.contacts or []
    except BadMessage:
        return ()
    return tuple(one.uri_text for one in sorted(contacts, key=lambda one: -_q(one)))


def _q(contact: NameAddr) -> float:
    try:
        return float(contact.params.get("q") or 1)
    except ValueError:
        return 0.0


def carrier_uri(number: str, host: str, port: int, transport: str) -> str:
    """The Request-URI for a number at a carrier."""
    return f"sip:{number.replace('#', '%23')}@{carrier_place(host, port, transport)}"


def carrier_place(host: str, port: int, transport: str) -> str:
    """A carrier as URIs name it: by domain, when DNS gives port and transport."""
    place = bracketed(host) if port in {0, DEFAULT_PORT.get(transport, 5060)} else f"{bracketed(host)}:{port}"
    return place + transport_param("" if transport == AUTO else transport)
