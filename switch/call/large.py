"""Requests too large for a datagram go to a carrier or trunk by TCP, and by UDP after all when that is not to be had (RFC 3261 §18.1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.sip.locate import Way
from switch.sip.message import Request

if TYPE_CHECKING:
    from switch.call.branch import Branch
    from switch.call.leg import Leg
    from switch.net import Flow
    from switch.sip.client import Spare

LIMIT = 1300
"""Bytes of a request above which UDP is not to be used when the path's MTU is not known."""
TCP_WITHIN = 1.5
"""Seconds that TCP may take to be there before UDP is used all the same: a caller waits."""
NO_TCP = 600.0
"""Seconds for which a carrier that refused TCP is not asked for it again."""


def by_tcp(branch: Branch) -> bool:
    """Turn the branch to TCP, once; unless the carrier has refused that lately or has to keep to its transport."""
    flow = branch.flow
    found = _tcp(branch, flow) if branch.small is None else None
    if found is None:
        return False
    branch.small, branch.flow = flow, found
    return True


def inside(leg: Leg, request: Request, flow: Flow) -> tuple[Flow, Spare | None]:
    """The way for a large request inside a dialog, whose Via becomes that of the way; and what to do when TCP is refused."""
    board, found = leg.board, _tcp(leg, flow)
    if found is None:
        return flow, None

    def spare() -> tuple[Flow, str]:
        board.names.failed(_way(flow), NO_TCP)
        return flow, board.via(flow)

    request.set("Via", board.via(found))
    return found, spare


def _tcp(leg: Leg, flow: Flow) -> Flow | None:
    """The same place by TCP, if that may be and has not been refused lately. A phone is called the way it came."""
    board = leg.board
    if flow.transport != "udp" or leg.phone or board.names.is_down(_way(flow)):
        return None
    if board.world().settings_of(leg.account).stricttransport != "no":
        return None
    try:
        return board.sockets.connect_flow("tcp", flow.host, flow.port, local=flow.local, patience=TCP_WITHIN)
    except ValueError:
        return None


def by_udp(branch: Branch) -> Request | None:
    """The way broke: when it was TCP and nobody had answered, the same INVITE by UDP; to this carrier for a while at once."""
    invite, flow = branch.invite, branch.small
    if flow is None or invite is None or branch.flow == flow or branch.status:
        return None
    branch.board.names.failed(_way(flow), NO_TCP)
    branch.flow = flow
    again = Request("INVITE", invite.uri, list(invite.headers), invite.body)
    again.set("Via", branch.board.via(flow))
    return again


def _way(flow: Flow) -> Way:
    return Way("tcp", flow.host, flow.port, "")
