"""Calls whose Request-URI names a domain that is not ours (`fwdtootherdomains`, `domainnames`; guide 10548-10574).

We carry calls to our accounts and to trunks, never to any host that somebody names: what is not ours is refused, or its caller
is told to go there itself (302).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.sip.message import Header, Request

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.net import Flow
    from switch.world.settings import Settings


def ours(board: Board, request: Request, flow: Flow, settings: Settings) -> bool:
    """Whether the Request-URI's host is one of our domains or addresses. A tel URI names no host."""
    target = request.target
    host = target.address.lower()
    if not host or host in settings.domainnames or host == board.sockets.local_address(flow)[0]:
        return True
    return board.sockets.is_own(host, target.port or 5060, flow)


def moved(request: Request) -> tuple[Header, ...]:
    """Where the caller is to go: to whom it asked for, there."""
    return (("Contact", f"<{request.uri}>"),)
