"""The verbs of numbers: the only writers of `apps.dids.models`. All raise ValidationError, by field."""

from apps.dids.services.contacts import (
    remove_contact,
    remove_short_number,
    save_contact,
    set_short_number,
)
from apps.dids.services.holding import assign, first_number, release, release_unpaid
from apps.dids.services.reserving import free_expired, let_go, reserve, reserved
from apps.dids.services.stock import add, change, lock, remove, share, unlock, unshare

__all__ = [
    "add",
    "assign",
    "change",
    "first_number",
    "free_expired",
    "let_go",
    "lock",
    "release",
    "release_unpaid",
    "remove",
    "remove_contact",
    "remove_short_number",
    "reserve",
    "reserved",
    "save_contact",
    "set_short_number",
    "share",
    "unlock",
    "unshare",
]
