"""What a 3xx does: passed to the caller, followed at once, routed anew or forwarded, as `canmove` of who answers says (guide 6131-6145).

A number that is followed without routing keeps the price of the call that it came from. So that this cannot become a free call,
a phone's number is followed among accounts of ours only.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from switch.call import dial, lookups, money, onward
from switch.call.board import bracketed
from switch.call.causes import LOOP, MOVED, of_status
from switch.call.identity import escaped
from switch.call.model import Party, Rejection, Ring, TrunkAddress
from switch.call.pipeline import decide
from switch.call.record import told
from switch.call.stages.features import circle
from switch.sip.grammar import BadValue
from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.call import Call
    from switch.call.model import CallRequest, Decision, Target
    from switch.sip.message import Header

_UNAVAILABLE = 480
RING_SECONDS, RESPONSE_SECONDS = 60, 5
_FORWARDED = frozenset((301, 302))


def follow(call: Call, target: Target, branch: Branch) -> None:
    """Somebody who was called answered that it is somewhere else."""
    world = call.board.world()
    how = world.settings_of(target.account).canmove
    uris = [uri for text in branch.moved if (uri := _read(text)) is not None and uri.user]
    if how == "refuse" or not uris:
        call.refuse(of_status(_UNAVAILABLE), by="called", comment=f"moved ({branch.status})")
    elif how == "pass":
        call.refuse(MOVED, status=branch.status, by="called", extra=_shown(call, target, uris))
    elif sum(300 <= _status(one) < 400 for one in call.attempts) > world.settings.maxforwards:
        call.refuse(LOOP, comment="moved too often")
    elif how in {"number", "domain"}:
        _at_once(call, target, uris[0], elsewhere=how == "domain")
    elif how == "forward" and target.trunk is None:
        _forward(call, target, uris[0], branch.status)
    else:
        _anew(call, uris[0])


def _shown(call: Call, target: Target, uris: list[Uri]) -> tuple[Header, ...]:
    """The contacts as the caller may see them: numbers and users of ours at our own address, where carriers and phones are is no
    business of the caller's; a name at another domain as it is.
    """
    board = call.board
    host, port = board.sockets.local_address(call.caller.flow)
    own = bracketed(host) if port == 5060 else f"{bracketed(host)}:{port}"
    return tuple(
        (
            "Contact",
            f"<sip:{escaped(uri.user)}@{own}>"
            if target.kind == "carrier"
            or uri.user.strip("+*#").isdigit()
            or board.world().local(uri.user) is not None
            else f"<{uri}>",
        )
        for uri in uris
    )


def _status(attempt: list[object]) -> int:
    status = attempt[1]
    return status if isinstance(status, int) else 0


def _read(text: str) -> Uri | None:
    try:
        uri = Uri.parse(text)
    except BadValue:
        return None
    return uri if uri.scheme in {"sip", "tel"} else None


def _at_once(call: Call, target: Target, uri: Uri, *, elsewhere: bool) -> None:
    """Dial the new number, or the new place, in the place of the old one."""
    world, trunk = call.board.world(), target.trunk
    found: Target | None = None
    if elsewhere and uri.host:
        found = replace(target, number=uri.user, trunk=_place(trunk, uri), ring=None)
    elif trunk is not None:
        found = replace(target, number=uri.user)
    elif (account_id := world.local(uri.user.removeprefix("+"))) is not None:
        account = world.account(account_id)
        if account is not None and account.enabled:
            ring = Ring(((Party(uri.user, account),),))
            found = replace(target, account=account, number=uri.user, ring=ring)
    if found is None or call.decision is None:
        call.refuse(of_status(_UNAVAILABLE), by="called", comment=f"moved to {uri.user}, which is not ours")
        return
    call.decision.targets.insert(call.place, found)
    dial.following(call, _UNAVAILABLE)


def _place(trunk: TrunkAddress | None, uri: Uri) -> TrunkAddress:
    """Where the URI says; a carrier's secret is nothing for others."""
    transport = uri.transport if uri.transport in {"udp", "tcp"} else "udp"
    return TrunkAddress(
        host=uri.address,
        port=uri.port or 5060,
        transport=transport,
        strip_digits=0,
        prefix="",
        max_calls=0,
        answer_seconds=trunk.answer_seconds if trunk else RING_SECONDS,
        response_seconds=trunk.response_seconds if trunk else RESPONSE_SECONDS,
        username="",
        realm="",
        ha1_md5="",
        ha1_sha256="",
    )


def _forward(call: Call, target: Target, uri: Uri, status: int) -> None:
    """As if the account had forwarded the call here: it pays."""
    from switch.call.ringing import forward_failed

    refused = circle(call.request, target.account, call.board.world())
    if refused:
        call.refuse(LOOP, comment=refused)
    elif status not in _FORWARDED:
        call.refuse(of_status(_UNAVAILABLE), by="called", comment=f"moved ({status})")
    else:
        call.branches = []
        onward.forward(call, target.account, uri.user, "deflection", forward_failed)


def _anew(call: Call, uri: Uri) -> None:
    """The caller's own call, to another number: decided and paid for as if that had been dialled."""
    board = call.board
    world, now = board.world(), call.wall_now()
    board.bank.release(call.id)
    board.usage.end(call.account.path)  # itself must not fill its caller's lines
    request = replace(
        call.request, called=uri.user, dialled=False, max_forwards=call.request.max_forwards - 1
    )
    outcome = decide(request, call.account, world, now, board.usage)
    board.usage.begin(call.account.path)
    lookups.wait(call, request, call.account, outcome, partial(_decided_anew, call, request))


def _decided_anew(call: Call, request: CallRequest, outcome: Decision | Rejection) -> None:
    """All that had to be asked is known."""
    if isinstance(outcome, Rejection):
        call.refuse(outcome.cause, comment=told(outcome.detail, outcome.trace))
        return
    call.request, call.decision = request, outcome
    call.branches, call.place, call.granted, call.limit, call.money_waits = [], 0, {}, None, False
    call.free, call.free_gone, call.packet = {}, False, 0
    money.first(call, dial.begin)
