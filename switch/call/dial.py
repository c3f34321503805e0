"""Trying the ways of a call in their order: carrier after carrier; all phones of a subscriber at once.

1. A carrier gets the INVITE, on the first of the ways to it that leads anywhere (RFC 3263 §4.3); before, the caller may have to press
   a key (`keyed`). No answer at all within its response time, silence after ringing, a broken way or one of
   the configured statuses: the next carrier. Any other refusal speaks for the called party and ends the call; 6xx always does.
2. A subscriber's phones ring as `ringing` says; a call that goes on to another number is a call of its own (`onward`).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from switch.call import (
    dialin,
    engine,
    fallback,
    media,
    onward,
    quality,
    redirect,
    rerouting,
    ringing,
    services,
)
from switch.call.board import place_of
from switch.call.branch import Branch, carrier_uri
from switch.call.causes import (
    CALLER_BANNED,
    CARRIERS_FAILED,
    INTERNAL,
    NO_RESPONSE,
    NOT_REGISTERED,
    OVERLOAD,
    Cause,
    of_status,
)
from switch.call.identity import escaped, is_telephone
from switch.call.reasons import of_answer
from switch.call.resume import resume
from switch.net import SECURE
from switch.sip.locate import DEFAULT_PORT
from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Target
    from switch.call.names import Way

log = logging.getLogger("switch.call")

LOOPED = 482
"""The carrier leads the call back to us (see `switch.call.inbound`), or in a circle of its own: another may not."""
_CARRIERS_OWN = frozenset((401, 402, 403, 407, 408))
"""Statuses, beside 5xx, that say something about the carrier and us, not about the called party."""


def begin(call: Call) -> None:
    """Dial the first target."""
    if call.decision is not None:
        call.board.recents.dialled(call.decision, call.board.world(), call.wall_now())
    following(call, 0)


def following(call: Call, status: int) -> None:
    """Dial the next target, or give up with the status of the last."""
    assert call.decision is not None
    if call.state not in {"trying", "ringing"}:
        return
    targets = call.decision.targets
    if call.place >= len(targets):
        _none_left(call, status)
        return
    target = targets[call.place]
    call.place += 1
    if target.ask and not call.pressed:
        from switch.call import keyed  # which dials, and so imports this

        keyed.ask_for(call, target, partial(_asked, call, target, status))
    else:
        _try(call, target)


def _asked(call: Call, target: Target, status: int, right: bool) -> None:
    """The caller has pressed a key, or none, or cannot be asked: then the carrier is passed over (guide 14174-14177)."""
    if right:
        _try(call, target)
    else:
        _note(call, target, CALLER_BANNED.status, CALLER_BANNED.name, call.board.now)
        following(call, status)


def _try(call: Call, target: Target) -> None:
    if target.kind == "service":
        services.begin(call, target)
        return
    if target.kind == "dial_in":
        dialin.begin(call, target)
        return
    called = _registering(target)
    if called:
        call.board.registrar.elsewhere.seek(called, partial(resume, call, partial(reach, call, target)))
    else:
        reach(call, target)


def _registering(target: Target) -> list[int]:
    """The accounts that are called where they have registered."""
    if target.ring is not None:
        parties = (party for step in target.ring.steps for party in step)
        return list(dict.fromkeys(one.account.id for one in parties if one.account is not None))
    return [target.account.id] if target.trunk is not None and target.trunk.registers else []


def reach(call: Call, target: Target) -> None:
    """Who may be called is known: decide about the media, and dial."""
    if call.state not in {"trying", "ringing"}:
        return
    try:
        media.open_relay(call, target)
    except media.PortsExhausted as error:
        call.refuse(OVERLOAD, comment=str(error))
        return
    engine.prepare(call, partial(_dial, call, target))


def _dial(call: Call, target: Target) -> None:
    if call.state not in {"trying", "ringing"}:
        return
    if target.kind == "forward":
        onward.forward(call, target.account, target.number, target.why, ringing.forward_failed)
    elif target.trunk is None:
        body = _body(call)
        if body is not None:
            ringing.begin(call, target, body)
    elif target.trunk.registers:
        _registered(call, target)
    else:
        chosen = _by_account(call, target)
        if target.trunk.backup_host and call.board.trunks.down(target.account.id):
            chosen = _at_backup(chosen)
        assert chosen.trunk is not None
        routes = call.board.trunks.routes(chosen.login)
        place = place_of(routes[0]) if routes else None  # a proxy that we were told to pass (RFC 3608)
        call.board.names.find(place or chosen.trunk.place, partial(_carrier, call, chosen))


def _body(call: Call) -> bytes | None:
    """The caller's body as the called shall see it; None, and the call is over, when it cannot be relayed."""
    try:
        return media.passed(call, call.invite, call.caller)
    except media.BadSdp as error:
        call.refuse(of_status(488), comment=f"bad session description: {error}")
        return None


# --- carriers -------------------------------------------------------------------------------------------------------------------


def _carrier(call: Call, target: Target, ways: list[Way]) -> None:
    """Ask the carrier on the first of its ways."""
    if call.state not in {"trying", "ringing"}:
        return
    trunk, board = target.trunk, call.board
    assert trunk is not None
    body = _body(call)
    if body is None:
        return
    settings = board.world().settings_of(target.account)
    found = [way for way in ways if way.transport in SECURE] if call.sips else ways
    allowed = (
        [way for way in found if not board.denies(settings.denyaddr, way)] if settings.denyaddr else found
    )
    if not allowed:
        quality.failed(call, target)
        why = "address denied" if found else "it has no TLS, which sips needs" if ways else "name not found"
        _note(call, target, 503, why, board.now)
        following(call, 503)
        return
    if settings.sipsendtodefport and not call.sips:
        allowed = [*allowed, *_standard_ports(allowed)]
    way, *others = allowed
    try:
        flow = board.flow_to(way, target.account)
    except ValueError as error:
        quality.failed(call, target)
        _note(call, target, 503, str(error), board.now)
        following(call, 503)
        return
    number, phone = _called(call, target, settings.forwardcalled), settings.sendsipuseruripart
    uri = carrier_uri(number, trunk.host, trunk.port, trunk.transport)
    marked = f"{uri};user=phone" if phone != "no" and is_telephone(number) else uri
    branch = Branch(call, target, flow, marked, _carrier_done)
    branch.to = marked if phone in {"to", "always"} else uri
    branch.via_way, branch.other_ways = way, others
    branch.routes = board.trunks.routes(target.login)
    call.branches = [branch]
    call.last = branch
    branch.ask(body, first_answer_within=trunk.response_seconds)


def _at_backup(target: Target) -> Target:
    """The same carrier at its second server (guide 8228), after which there is no third."""
    trunk = target.trunk
    assert trunk is not None
    second = replace(trunk, host=trunk.backup_host, port=trunk.backup_port or trunk.port, backup_host="")
    return replace(target, trunk=second)


def _standard_ports(ways: list[Way]) -> list[Way]:
    """The same hosts on the port that their transport has by default, where that is another way."""
    standard = [way._replace(port=DEFAULT_PORT.get(way.transport, 5060)) for way in ways]
    return [way for way in dict.fromkeys(standard) if way not in ways]


def _by_account(call: Call, target: Target) -> Target:
    """The target with the account that we have there and whose turn it is, if we have any."""
    board = call.board
    login = board.trunks.login(board.world().logins_of(target.account.id))
    if login is None or target.trunk is None:
        return target
    trunk = replace(
        target.trunk, username=login.username, realm=login.realm, ha1_md5=login.ha1_md5,
        ha1_sha256=login.ha1_sha256,
    )  # fmt: skip
    return replace(target, trunk=trunk, login=login.id, shown=login.caller_number.removeprefix("+"))


def _registered(call: Call, target: Target) -> None:
    """A carrier that registers with us is called where it is registered."""
    board, trunk = call.board, target.trunk
    bindings = ringing.reachable(call, target.account)
    if not bindings:
        _note(call, target, 480, NOT_REGISTERED.name, board.now)
        following(call, 503)
        return
    body = _body(call)
    if body is None:
        return
    assert trunk is not None
    binding = bindings[0]
    place = Uri.parse(binding.uri)
    user = target.number.replace("#", "%23")
    branch = Branch(call, target, binding.flow, str(place.replace(user=user, password="")), _carrier_done)
    branch.routes = binding.path
    call.branches = [branch]
    call.last = branch
    branch.ask(body, first_answer_within=trunk.response_seconds)


def _called(call: Call, target: Target, forward: str) -> str:
    """The number that the carrier is asked for (`forwardcalled`); the trunk's own where the caller wrote none."""
    if forward == "no":
        return target.number
    assert call.decision is not None
    received = {
        "received": call.request.called,
        "number": call.decision.called,
        "to": call.invite.to.uri.user,
    }[forward]
    return escaped(received) or target.number


def _carrier_done(branch: Branch, status: int) -> None:
    call = branch.call
    assert call.decision is not None
    _note(call, branch.target, status, of_status(status).name, branch.began)
    if status == 503 or (status == 408 and not branch.status):
        if branch.via_way is not None:
            call.board.names.failed(branch.via_way)
        if branch.other_ways:
            _carrier(call, branch.target, branch.other_ways)
            return
        if branch.target.trunk is not None and branch.target.trunk.backup_host:
            reach(call, _at_backup(branch.target))
            return
    if branch.target.login and (status in _CARRIERS_OWN or 500 <= status < 600):
        board = call.board
        most = board.world().settings_of(branch.target.account).trunk_account_failures
        board.trunks.failed(branch.target.login, most)
    if 300 <= status < 400:
        redirect.follow(call, branch.target, branch)
        return
    if fallback.wanted(call, branch.target, branch, status):
        reach(call, branch.target)
        return
    quality.failed(call, branch.target)
    if status in {401, 407}:
        status = 403
    settings = call.board.world().settings_of(branch.target.account)
    statuses = rerouting.refined(call.decision.failover_statuses, settings)
    if status < 600 and (status in statuses or (status == LOOPED and statuses)):
        following(call, status)
    else:
        _refuse(call, status, by="called")


def _note(call: Call, target: Target, status: int, why: str, began: float) -> None:
    took = int((call.board.clock() - began) * 1000)
    call.attempts.append([target.account.id, status, why, took])
    log.info(
        "call=%s account=%s attempt=%s status=%s ms=%s",
        call.id,
        call.account.username,
        target.account.username,
        status,
        took,
    )


# --- no way left ----------------------------------------------------------------------------------------------------------------


def _none_left(call: Call, status: int) -> None:
    if not call.attempts:
        call.refuse(INTERNAL, comment="a decision without a target")
    elif all(why == CALLER_BANNED.name for _, _, why, _ in call.attempts):
        assert call.decision is not None
        call.refuse(CALLER_BANNED, comment=f"{call.decision.targets[-1].ask}: no key, or the wrong one")
    elif status in _CARRIERS_OWN or 500 <= status < 600:
        alone = status == 408 and len(call.attempts) == 1
        _refuse(call, 503, by="switch", cause=NO_RESPONSE if alone else CARRIERS_FAILED)
    else:
        _refuse(call, status, by="called")


def _refuse(call: Call, status: int, *, by: str, cause: Cause | None = None) -> None:
    refusal = call.last.refusal if call.last is not None and by == "called" else None
    call.refuse(cause or of_answer(status, refusal), status=status if cause is None else cause.status, by=by)
