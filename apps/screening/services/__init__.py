"""The only writers of `apps.screening.models`."""

from apps.screening.services.callers import forget_standings, judge_callers, keep_pressed, set_standing
from apps.screening.services.firewall import change_rule, create_rule, lift_ban, remove_rule, store_bans
from apps.screening.services.numbers import (
    ImportRefused,
    change_number,
    digits_of,
    forget_expired,
    import_numbers,
    list_number,
    unlist_number,
)

__all__ = [
    "ImportRefused",
    "change_number",
    "change_rule",
    "create_rule",
    "digits_of",
    "forget_expired",
    "forget_standings",
    "import_numbers",
    "judge_callers",
    "keep_pressed",
    "lift_ban",
    "list_number",
    "remove_rule",
    "set_standing",
    "store_bans",
    "unlist_number",
]
