"""A request outside any dialog: what is wrong with it, or what it begins (RFC 3261 §8.2, §16.3).

Order of the checks for an INVITE: extensions we do not know (420), hops (483), a URI we do not serve (416, by the parser),
a body we do not understand (415), one of ours that is not (406), the same request twice on different ways (482), our own load (503),
who it is (401, 403, 407), and only then what it wants. From the moment on at which the caller is known, every INVITE leaves one record.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from switch.auth import PROXY_REQUIRED, Doorkeeper, Refused
from switch.call import (
    announce,
    domains,
    identity,
    inner,
    joins,
    keyed,
    lookups,
    media,
    message,
    money,
    pins,
    replaces,
    services,
    session_timer,
    sources,
)
from switch.call.abilities import ACCEPT, ALLOW_OUTSIDE, SUPPORTED, unknown_extensions, welcome
from switch.call.board import Board, new_call_id
from switch.call.call import TRYING, Call
from switch.call.causes import DATABASE_AWAY, MOVED, NOT_AUTHORISED, OTHER_DOMAIN
from switch.call.model import Caller, CallRequest, Decision, NeedsDigest, Rejection
from switch.call.pipeline import decide, identify
from switch.call.record import told
from switch.call.rewriting import before_authentication, in_whose_name
from switch.events.core import Events
from switch.events.publishing import Publishing
from switch.net import SECURE
from switch.registrar import TLS_WANTED
from switch.sip.dialog import recorded_routes
from switch.sip.ids import COOKIE
from switch.sip.message import BadMessage, Header, Request
from switch.sip.server import InviteServerTransaction, ServerTransaction
from switch.trunks.inward import by_registration

if TYPE_CHECKING:
    from switch.net import Flow
    from switch.outside.gate import Grant
    from switch.world.world import World

log = logging.getLogger("switch.call")

ACCEPTABLE = frozenset(("application/sdp", "application/*", "*/*", "*"))
KNOWN = frozenset((
    "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "MESSAGE", "REGISTER",
    "SUBSCRIBE", "PUBLISH",
))  # fmt: skip
BUSY: tuple[Header, ...] = (("Retry-After", "5"),)
LONGEST_NAME = 128
"""Characters of a display name that go on: it stands twice in what a carrier gets."""
PHONES = frozenset(("subscriber", "extension", "agent"))
LABELLED = re.compile(r"z9hG4bK-w[0-9]{1,3}-")


class Inbound:
    """The door for requests outside dialogs."""

    def __init__(self, board: Board, doorkeeper: Doorkeeper) -> None:
        self.board = board
        self.doorkeeper = doorkeeper
        self.events = Events(board, doorkeeper)
        self.publishing = Publishing(board, self.events)

    def handle(self, tx: ServerTransaction, request: Request) -> None:
        """Answer it, or begin what it asks for."""
        board = self.board
        if request.method not in KNOWN:
            tx.reply(405, board.now, None, (ALLOW_OUTSIDE,))
            return
        if request.to.tag is not None and request.method != "SUBSCRIBE":
            tx.reply(481, board.now)
            return
        settings = board.world().settings
        if not sources.heard(tx.flow.host, settings):  # type: ignore[attr-defined]  # our Net's flow
            tx.reply(403, board.now)
            return
        if (settings.allowua or settings.blockua) and not welcome(
            request.get("User-Agent") or "", settings.allowua, settings.blockua
        ):
            tx.reply(403, board.now)
            return
        if self._wrong(tx, request) or self._waits(tx, request):
            return
        if request.method == "INVITE" and isinstance(tx, InviteServerTransaction):
            self._invite(tx, request)
        elif request.method == "MESSAGE":
            self._message(tx, request)
        elif request.method == "REGISTER":
            board.registrar.register(tx, request, tx.flow)
        elif request.method == "SUBSCRIBE":
            self.events.subscribe(tx, request)
        elif request.method == "PUBLISH":
            self.publishing.publish(tx, request)
        elif request.method == "OPTIONS":
            tx.reply(200, board.now, None, (ALLOW_OUTSIDE, ACCEPT, SUPPORTED))
        else:
            tx.reply(481, board.now)  # BYE, UPDATE, INFO, PRACK live in dialogs only

    def _wrong(self, tx: ServerTransaction, request: Request) -> bool:
        """Whether it was refused for what every request must be."""
        now = self.board.now
        unknown = unknown_extensions(request, self.board.world().hidden)
        if unknown:
            tx.reply(420, now, None, (("Unsupported", ", ".join(unknown)),))
            return True
        try:
            request.target  # noqa: B018 - checked here once
            hops = request.max_forwards
        except BadMessage as error:
            tx.reply(error.status or 400, now, error.reason)
            return True
        if request.uri.startswith("sips:") and tx.flow.transport not in SECURE:  # type: ignore[attr-defined]
            tx.reply(
                416, now, "SIPS needs TLS"
            )  # RFC 3261 §26.2.2: each hop must be secure, and this one was not
            return True
        if (
            hops == 0 and request.method == "INVITE"
        ):  # all else ends here, and is treated as ever (RFC 4475 §3.3.11)
            tx.reply(483, now)
            return True
        if request.get("Content-Encoding") not in {None, "", "identity"}:
            tx.reply(415, now, None, (("Accept-Encoding", "identity"),))
            return True
        return False

    def _waits(self, tx: ServerTransaction, request: Request) -> bool:
        """Whether somebody else is asked about its digest; then it is handled once there is an answer."""
        board, world = self.board, self.board.world()
        if board.gate is None or not world.asks_outside:
            return False
        given = self.doorkeeper.outside(request, world, board.wall())
        credential = world.credential(given.username) if given is not None else None
        account = world.account(credential.account_id) if credential is not None else None
        if given is None or account is None:
            return False
        settings = world.settings_of(account)
        held = board.gate.holds(tx, request, given, settings, world, partial(board.again, tx, request))
        if held and request.method == "INVITE" and not tx.answered:
            tx.reply(100, board.now)
        return held

    def _message(self, tx: ServerTransaction, request: Request) -> None:
        """A message outside a dialog, from whoever proves to be an account of ours."""
        board = self.board
        asking = self._read(tx, request)
        found = identify(asking, board.world())
        sender = self._prove(tx, request, asking) if isinstance(found, NeedsDigest) else found
        if isinstance(sender, Rejection):
            tx.reply(sender.cause.status, board.now)
        elif sender is not None:
            message.deliver(board, tx, request, asking, sender)

    # --- INVITE -----------------------------------------------------------------------------------------------------------------

    def _invite(self, tx: InviteServerTransaction, invite: Request) -> None:
        board = self.board
        key = (invite.from_.tag or "", invite.call_id, str(invite.cseq.number))
        if board.invites.get(key, invite.via.branch) != invite.via.branch:
            tx.reply(482, board.now)
            return
        replaced = replaces.wanted(invite)
        joined = joins.wanted(invite)
        inside = replaced is not None and inner.sealed(board, invite, invite.get("Replaces") or "")
        if self._asked_inside(tx, invite):
            return
        if not inside and self._from_ourselves(tx, invite):
            tx.reply(482, board.now)
            return
        if self._unusable(tx, invite):
            return
        world = board.world()
        if (
            board.draining
            or not board.spool.healthy
            or len(board.calls) >= world.settings.max_calls_per_worker
        ):
            board.counters.refused += 1
            tx.reply(503, board.now, None, BUSY)
            return
        flow: Flow = tx.flow  # type: ignore[assignment]  # our Net's
        if not inside and (elsewhere := domains.redirected(invite.target, world.settings, board, flow)):
            tx.reply(302, board.now, None, (("Contact", f"<{elsewhere}>"),))
            return
        tx.reply(100, board.now)
        if inside and replaced is not None:
            replaces.take(board, tx, invite, replaced, None)
            return
        request = self._read(tx, invite)
        caller = self._caller(tx, invite, request)
        if caller is None:
            return
        if isinstance(caller, Rejection):
            self._begin(tx, invite, request, caller)
        elif replaced is not None:
            replaces.take(board, tx, invite, replaced, caller)
        elif joined is not None:
            joins.take(board, tx, invite, request, caller, joined)
        elif not joins.by_header(board, tx, invite, request, caller):
            self._begin(tx, invite, request, caller)

    def _read(self, tx: ServerTransaction, request: Request) -> CallRequest:
        """What decides about it, with what is known of its address."""
        flow: Flow = tx.flow  # type: ignore[assignment]  # our Net's
        found = read(request, flow, self.board.wall())
        found.named = self.board.leads_to(flow.host)
        if self.board.world().settings.allowtrustedip in sources.NEAR:
            found.from_us = sources.from_us(flow.host, self.board.sockets.local_address(flow)[0])
        return found

    def _asked_inside(self, tx: InviteServerTransaction, invite: Request) -> bool:
        """Whether another worker asks for a call that may be here, to take it or to join it; then it is answered."""
        board = self.board
        if invite.get(services.PICKUP) is not None:
            return services.asked_inside(board, tx, invite)
        if invite.get(joins.ASK) is None:
            return False
        request = read(invite, tx.flow, board.wall())  # type: ignore[arg-type]  # our Net's flow
        return joins.asked_inside(board, tx, invite, request)

    def _unusable(self, tx: InviteServerTransaction, invite: Request) -> bool:
        """Whether it was refused for its body, what it accepts, or the way back that it names."""
        board = self.board
        if invite.body and not media.has_sdp(invite) and not _mixed(invite):
            tx.reply(415, board.now, None, (ACCEPT,))
            return True
        if not _accepts_sdp(invite):
            tx.reply(406, board.now, None, (ACCEPT,))
            return True
        try:
            contact = invite.contact
            recorded_routes(invite)
        except BadMessage as error:
            tx.reply(400, board.now, error.reason)
            return True
        if contact is None and invite.via.branch.startswith(COOKIE):  # a peer of RFC 2543 need not give any
            tx.reply(400, board.now, "No Contact")
            return True
        return False

    def _from_ourselves(self, tx: InviteServerTransaction, invite: Request) -> bool:
        """An INVITE of ours came back with nobody between: a carrier whose address is our own.

        Through a proxy it may come back: it is the proxy's Via that is on top then, and hops end what goes round.
        """
        via = invite.via
        return LABELLED.match(via.branch) is not None and self.board.sockets.is_own(
            via.host.strip("[]"),
            via.port or 5060,
            tx.flow,  # type: ignore[arg-type]  # our Net's flow
        )

    def _caller(
        self, tx: InviteServerTransaction, invite: Request, request: CallRequest
    ) -> Caller | Rejection | None:
        """The account that calls, after rules that may change what it is known by; None when it has been asked for its password."""
        refused = before_authentication(request, self.board.world())
        if refused is not None:
            return refused
        by_registration(request, invite, self.board.trunks, self.board.world())
        return self._who(tx, invite, request)

    def _who(
        self, tx: InviteServerTransaction, invite: Request, request: CallRequest
    ) -> Caller | Rejection | None:
        """The account that calls; None when it has been asked for its password."""
        world, flow = self.board.world(), tx.flow
        found = identify(request, world)
        if isinstance(found, NeedsDigest) and self._came_registered(request, flow, world):  # type: ignore[arg-type]
            found = identify(request, world)
        caller = self._prove(tx, invite, request) if isinstance(found, NeedsDigest) else found
        return self._admitted(caller, invite, request, world) if isinstance(caller, Caller) else caller

    def _admitted(
        self, caller: Caller, invite: Request, request: CallRequest, world: World
    ) -> Caller | Rejection:
        """The account, unless it may not call with such a device without a password, or with a phone that is not registered."""
        settings = world.settings
        proved = request.digest_username or request.upper
        if (
            (settings.alloweua or settings.blockeua)
            and not proved
            and not welcome(invite.get("User-Agent") or "", settings.alloweua, settings.blockeua)
        ):
            return Rejection(NOT_AUTHORISED, "such a device may not call without a password", caller)
        if (
            caller.kind in PHONES
            and not request.trunk
            and not world.settings_of(caller).allowcallunregistered
            and not self.board.registrar.reachable(caller.id, self.board.wall())
        ):
            return Rejection(NOT_AUTHORISED, "its phone is not registered", caller)
        return caller

    def _came_registered(self, request: CallRequest, flow: Flow, world: World) -> bool:
        """Whether it came by the way by which a phone of its account is registered, and that is proof enough (`reuseep`)."""
        credential = world.credential(request.from_user)
        account = world.account(credential.account_id) if credential is not None else None
        if account is None or not world.settings_of(account).reuseep:
            return False
        known = self.board.registrar.reachable(account.id, self.board.wall())
        if not heard_here(account, world, request) or not any(one.flow.same_way(flow) for one in known):
            return False
        request.digest_username = request.from_user
        return True

    def _prove(
        self, tx: ServerTransaction, invite: Request, request: CallRequest
    ) -> Caller | Rejection | None:
        """The account of a digest; None when the caller was asked for one."""
        world, board = self.board.world(), self.board
        host, port = request.source_host, request.source_port
        proof = self.doorkeeper.prove(invite, world, board.wall(), PROXY_REQUIRED, host, port)
        if isinstance(proof, Refused):
            tx.reply(proof.status, board.now, None, proof.headers)
            return None
        account = world.account(proof.account_id)
        if account is not None and not heard_here(account, world, request):
            tx.reply(403, board.now, TLS_WANTED)
            return None
        request.digest_username = proof.username
        found = identify(request, world)
        return None if isinstance(found, NeedsDigest) else found

    def _begin(
        self, tx: InviteServerTransaction, invite: Request, request: CallRequest, caller: Caller | Rejection
    ) -> None:
        board, world = self.board, self.board.world()
        if isinstance(caller, Caller) and invite.get("Session-Expires") is not None:
            shortest = session_timer.too_small(invite, world.settings_of(caller))
            if shortest:  # like a 401: the caller asks again at once, and that INVITE leaves the record
                tx.reply(422, board.now, None, (("Min-SE", str(shortest)),))
                return
        if isinstance(caller, Caller) and not request.original:
            request.called = _called(invite, request, world.settings_of(caller).loadcallednumberfromto)
        rules = world.header_rules(caller) if isinstance(caller, Caller) else None
        if rules is not None:  # on a copy: answers and the dialog bear what the caller wrote
            invite = Request(invite.method, invite.uri, list(invite.headers), invite.body)
        if rules is not None and rules.heard(invite, request.source_host, beginning=True):
            changed = read(invite, tx.flow, request.received_at)  # type: ignore[arg-type]  # our Net's flow
            request = replace(
                changed,
                call_id=request.call_id,
                digest_username=request.digest_username,
                trunk=request.trunk,
                named=request.named,
            )
            caller = before_authentication(request, world) or caller
            if isinstance(caller, Caller) and not request.original:
                request.called = _called(invite, request, world.settings_of(caller).loadcallednumberfromto)
        if isinstance(caller, Caller):
            caller = pins.dialled(board, caller, request, world)
        if isinstance(caller, Rejection):
            if caller.caller is None:
                log.info("refused %s from %s: %s", caller.cause.name, request.source_host, caller.detail)
                tx.reply(caller.cause.status, board.now)
                return
            account: Caller = caller.caller
            outcome: Decision | Rejection = caller
        else:
            account = caller = in_whose_name(request, caller, world)
            outcome = decided(board, request, caller, world)
        call = Call(board, request, account, tx, invite, phone=bool(request.digest_username))
        call.world_version = world.version
        elsewhere = domains.verdict(invite.target, world.settings, board, tx.flow)  # type: ignore[arg-type]  # our Net's
        if elsewhere == "refuse":
            call.refuse(OTHER_DOMAIN, comment=f"for {invite.target.host}")
            return
        if elsewhere:
            call.refuse(MOVED, extra=(("Contact", f"<{elsewhere}>"),))
            return
        lookups.wait(call, request, account, outcome, partial(_decided, call))


def _decided(call: Call, outcome: Decision | Rejection) -> None:
    """All that had to be asked is known."""
    if isinstance(outcome, Rejection):
        call.refuse(outcome.cause, comment=told(outcome.detail, outcome.trace), play=outcome.play)
        return
    call.decision = outcome
    call.board.live.changed(call)
    pay = partial(money.first, call, announce.before)
    go = partial(_judge, call, partial(ask_others, call, call.board.world(), pay))
    if outcome.ask:
        keyed.ask(call, go)
    else:
        go()


def decided(board: Board, request: CallRequest, caller: Caller, world: World) -> Decision | Rejection:
    """The pipeline's decision, and what there is to remember of it."""
    settings, habits = world.settings_of(caller), board.usage.habits
    if settings.maxrouterreqpermin:
        habits.asked()
    outcome = decide(request, caller, world, request.received_at, board.usage)
    if settings.blockscanning_treshold:
        number = outcome.called if isinstance(outcome, Decision) else outcome.called or request.called
        habits.decided(caller.id, number, settings.blockscanning_mode)
    return outcome


def _judge(call: Call, go: Callable[[], None]) -> None:
    """Look whether the caller number is proved, where somebody does, and go on."""
    if call.board.stir is not None:
        call.board.stir.check(call, go)
    else:
        go()


def ask_others(call: Call, world: World, go: Callable[[], None]) -> None:
    """Go on with the call once everybody else that has a say in it has agreed."""
    gate = call.board.gate
    if gate is not None and world.settings_of(call.account).externalcalls != "no":
        gate.authorise(call, world, partial(_granted, call, go))
    else:
        go()


def _granted(call: Call, go: Callable[[], None], grant: Grant) -> None:
    """Somebody else has said whether the call may be; meanwhile the caller may have given up."""
    if call.state != TRYING or call.decision is None:
        return
    call.board.now = call.board.clock()
    if not grant.allowed:
        cause = DATABASE_AWAY if grant.away else NOT_AUTHORISED
        call.refuse(cause, comment=f"an outside server refused it: {grant.reason}")
        return
    if grant.seconds:
        longest = call.decision.max_seconds
        call.decision.max_seconds = min(longest, grant.seconds) if longest else grant.seconds
    go()


def _accepts_sdp(invite: Request) -> bool:
    """Whether our answers may hold a session description (RFC 3261 §20.1); who says nothing takes one."""
    wanted = [one.partition(";")[0].rstrip().lower() for one in invite.members("Accept")]
    return not wanted or not ACCEPTABLE.isdisjoint(wanted)


def heard_here(account: Caller, world: World, request: CallRequest) -> bool:
    """Whether the account may give its password on that transport."""
    return request.transport in SECURE or world.settings_of(account).stricttransport != "secure"


def _mixed(invite: Request) -> bool:
    """A body in parts, which may hold a session description; it is passed on as it is."""
    return invite.content_type.startswith("multipart/")


def read(invite: Request, flow: Flow, at: float) -> CallRequest:
    """What of an INVITE decides about it."""
    target, from_ = invite.target, invite.from_
    hops = invite.max_forwards
    return CallRequest(
        call_id=new_call_id(at),
        received_at=at,
        source_host=flow.host,
        source_port=flow.port,
        transport=flow.transport,
        sip_call_id=invite.call_id,
        from_user=from_.uri.user,
        from_display=from_.display[:LONGEST_NAME],
        called=target.user,
        called_host=target.host,
        max_forwards=70 if hops is None else hops,
        asserted_number=_asserted(invite),
        certified=tuple(flow.peer.split()),
        asserted_display=identity.display_of(invite, "P-Asserted-Identity"),
        anonymous=_anonymous(invite),
    )


def _anonymous(invite: Request) -> bool:
    """Whether the caller hides who it is (RFC 3323 §4.1, RFC 5079 §3)."""
    uri = invite.from_.uri
    if uri.user.lower() == "anonymous" or uri.host.lower() == "anonymous.invalid":
        return True
    wanted = invite.get("Privacy")
    if wanted is None:
        return False
    return any(one.strip() in {"id", "user", "header"} for one in wanted.lower().replace(";", ",").split(","))


def _called(invite: Request, request: CallRequest, where: str) -> str:
    """The called number: of the Request-URI, or of To (`loadcallednumberfromto`); auto: of To where the Request-URI names nobody but us."""
    named = invite.to.uri.user
    if where == "to" or (where == "auto" and request.called in {"", "mizu"}):
        return named or request.called
    return request.called


def _asserted(invite: Request) -> str:
    """The user part of the first P-Asserted-Identity, else of what came before it; "" when there is none that can be read."""
    return identity.user_of(invite, "P-Asserted-Identity") or identity.user_of(invite, "Remote-Party-ID")
