"""Numbers that the house keeps, and rules that change those of calls."""

from apps.numbers.models.lists import ListedNumber, NumberList, Purpose
from apps.numbers.models.rules import (
    Action,
    Check,
    PrefixRule,
    RewriteRule,
    Stage,
    Target,
    Transport,
    WhichNumber,
)

__all__ = [
    "Action", "Check", "ListedNumber", "NumberList", "PrefixRule", "Purpose", "RewriteRule", "Stage", "Target", "Transport",
    "WhichNumber",
]  # fmt: skip
