"""Trying the ways of a call in their order: carrier after carrier; all phones of a subscriber at once.

1. A carrier gets the INVITE. No answer at all within its response time, silence after ringing, a broken way or one of
   the configured statuses: the next carrier. Any other refusal speaks for the called party and ends the call; 6xx always does.
2. A subscriber's phones ring beside each other; the first answer wins, the others are cancelled. All refused: the best
   refusal (RFC 3261 §16.7) goes to the caller.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from switch.call import media
from switch.call.branch import Branch, carrier_uri
from switch.call.causes import (
    CARRIERS_FAILED,
    INTERNAL,
    NO_ANSWER,
    NO_RESPONSE,
    NOT_REGISTERED,
    OVERLOAD,
    Cause,
    of_status,
)
from switch.call.identity import escaped, is_telephone
from switch.call.reasons import of_answer

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Target

log = logging.getLogger("switch.call")

LOOPED = 482
"""The carrier leads the call back to us (see `switch.call.inbound`), or in a circle of its own: another may not."""
_CARRIERS_OWN = frozenset((401, 402, 403, 407, 408))
"""Statuses, beside 5xx, that say something about the carrier and us, not about the called party."""


def begin(call: Call) -> None:
    """Dial the first target."""
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
    try:
        media.open_relay(call, target)
    except media.PortsExhausted as error:
        call.refuse(OVERLOAD, comment=str(error))
        return
    if target.trunk is None:
        _phones(call, target)
    else:
        call.board.names.find(target.trunk.host, partial(_carrier, call, target))


def _body(call: Call) -> bytes | None:
    """The caller's body as the called shall see it; None, and the call is over, when it cannot be relayed."""
    try:
        return media.passed(call, call.invite, call.caller)
    except media.BadSdp as error:
        call.refuse(of_status(488), comment=f"bad session description: {error}")
        return None


# --- carriers -------------------------------------------------------------------------------------------------------------------


def _carrier(call: Call, target: Target, address: str | None) -> None:
    if call.state not in {"trying", "ringing"}:
        return
    trunk, board = target.trunk, call.board
    assert trunk is not None
    body = _body(call)
    if body is None:
        return
    if address is None:
        _note(call, target, 503, "name not found", board.now)
        following(call, 503)
        return
    try:
        flow = board.sockets.connect_flow(trunk.transport, address, trunk.port)
    except ValueError as error:
        _note(call, target, 503, str(error), board.now)
        following(call, 503)
        return
    settings = board.world().settings_of(target.account)
    number, phone = _called(call, target, settings.forwardcalled), settings.sendsipuseruripart
    uri = carrier_uri(number, trunk.host, trunk.port, trunk.transport)
    marked = f"{uri};user=phone" if phone != "no" and is_telephone(number) else uri
    branch = Branch(call, target, flow, marked, _carrier_done)
    branch.to = marked if phone in {"to", "always"} else uri
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
    if 300 <= status < 400 or status in {401, 407}:
        status = 403 if status >= 400 else 480
    if (status in call.decision.failover_statuses or status == LOOPED) and status < 600:
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


# --- phones ---------------------------------------------------------------------------------------------------------------------


def _phones(call: Call, target: Target) -> None:
    board = call.board
    bindings = board.registrar.reachable(target.account.id, board.wall())
    if not bindings:
        _note(call, target, 480, NOT_REGISTERED.name, board.now)
        call.last = None
        _refuse(call, 480, by="switch", cause=NOT_REGISTERED)
        return
    body = _body(call)
    if body is None:
        return
    call.branches = []
    for binding in bindings:
        branch = Branch(call, target, binding.flow, binding.uri, _phone_done)
        branch.routes = binding.path
        call.branches.append(branch)
    call.last = call.branches[0]
    for branch in list(call.branches):
        branch.ask(body, first_answer_within=board.world().settings_of(target.account).ringtimeout)


def _phone_done(branch: Branch, status: int) -> None:
    call = branch.call
    branch.status = status
    _note(call, branch.target, status, of_status(status).name, branch.began)
    if status >= 600:
        for other in call.branches:
            other.give_up("declined elsewhere")
    elif not all(one.given_up for one in call.branches):
        return
    if call.state not in {"trying", "ringing"}:
        return
    call.last = branch
    status = best([one.status for one in call.branches if one.status >= 300] or [480])
    if status == 408 and branch.status == 408:
        _refuse(call, 480, by="switch", cause=NO_ANSWER)
    else:
        _refuse(call, 480 if 300 <= status < 400 else status, by="called")


def best(statuses: list[int]) -> int:
    """The refusal that tells the caller most: 6xx, else the lowest class, in it busy and declined first (RFC 3261 §16.7)."""
    return min(
        statuses,
        key=lambda s: (s < 600, s // 100 if s != 408 else 9, s not in {486, 401, 407, 415, 420, 484}, s),
    )


# --- no way left ----------------------------------------------------------------------------------------------------------------


def _none_left(call: Call, status: int) -> None:
    if not call.attempts:
        call.refuse(INTERNAL, comment="a decision without a target")
    elif status in _CARRIERS_OWN or 500 <= status < 600:
        alone = status == 408 and len(call.attempts) == 1
        _refuse(call, 503, by="switch", cause=NO_RESPONSE if alone else CARRIERS_FAILED)
    else:
        _refuse(call, status, by="called")


def _refuse(call: Call, status: int, *, by: str, cause: Cause | None = None) -> None:
    refusal = call.last.refusal if call.last is not None and by == "called" else None
    call.refuse(cause or of_answer(status, refusal), status=status if cause is None else cause.status, by=by)
