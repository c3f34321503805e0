"""Calls that are for somebody else: redirected by 302 before they are routed, or refused (guide 10546-10574)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.sip.uri import Uri

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.net import Flow
    from switch.world.settings import Settings


def redirected(invite_target: Uri, settings: Settings, board: Board, flow: Flow) -> str:
    """Where the caller shall go instead, whoever it is; "": nowhere."""
    if settings.forwardto and any(
        one == "*" or invite_target.user.startswith(one) for one in settings.forwardpx
    ):
        return str(Uri("sip", invite_target.user, settings.forwardto))
    if settings.fwdtootherdomains == "redirect_anybody" and foreign(invite_target, settings, board, flow):
        return str(invite_target)
    return ""


def verdict(invite_target: Uri, settings: Settings, board: Board, flow: Flow) -> str:
    """What to do with a known caller's call by its domain: "" (route it), "refuse", or the address to go to."""
    how = settings.fwdtootherdomains
    if how == "ignore" or not foreign(invite_target, settings, board, flow):
        return ""
    if how == "refuse":
        return how
    if how == "local_first" and board.world().local(invite_target.user.removeprefix("+")) is not None:
        return ""
    return str(invite_target)


def foreign(target: Uri, settings: Settings, board: Board, flow: Flow) -> bool:
    """Whether the Request-URI names neither an address of ours nor one of our domains. A tel URI names nobody."""
    if not target.host:
        return False
    named = {one.lower() for one in (*settings.domainnames, settings.localdomain)}
    return target.host.lower() not in named and not board.sockets.is_own(
        target.address, target.port or 5060, flow
    )
