"""Who may watch whom (setting `routepresence` of who is watched)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.call.model import Caller
    from switch.world.world import World

HOUSES = frozenset(("reseller", "owner"))


def may_watch(watcher: Caller, watched: Caller, package: str, world: World) -> bool:
    """Everybody may watch themselves, their mailbox nobody else; others as the setting of the watched says.

    `tree`: who has the same reseller, or the same owner where there is no reseller, or neither.
    """
    if watcher.id == watched.id:
        return True
    if package == "message-summary":
        return False
    manner = world.settings_of(watched).routepresence
    return manner == "all" or (manner == "tree" and _house(watcher, world) == _house(watched, world))


def _house(account: Caller, world: World) -> int | None:
    for account_id in reversed(account.path):
        above = world.account(account_id)
        if above is not None and above.kind in HOUSES:
            return account_id
    return None
