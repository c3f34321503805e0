"""Pages of numbers."""

from apps.numbers.admin.lists import NumberListAdmin
from apps.numbers.admin.rules import PrefixRuleAdmin, RewriteRuleAdmin

__all__ = ["NumberListAdmin", "PrefixRuleAdmin", "RewriteRuleAdmin"]
