"""What the snapshot says of money before any is asked for: allowances, and whose time is used up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Allowance(NamedTuple):
    """Free seconds or messages, or money for packet tariffs, that an account has been given; how much is left the database knows."""

    id: int
    kind: str  # "seconds" | "money" | "messages"
    prefixes: tuple[str, ...]
    begins: float
    ends: float | None

    def fits(self, number: str, at: float) -> bool:
        """Whether a call to the number may use it now."""
        if at < self.begins or (self.ends is not None and at >= self.ends):
            return False
        return not self.prefixes or number.startswith(self.prefixes)


@dataclass(slots=True)
class Limits:
    """The part `limits` of a snapshot."""

    used_up: dict[int, list[tuple[str, int, float]]] = field(default_factory=dict)
    """Account → (setting, seconds used, until when that counts)."""
    allowances: dict[int, list[Allowance]] = field(default_factory=dict)

    def take(self, section: str, rows: list[Any]) -> None:
        """Rows of `apps.invoices.snapshot`."""
        if section == "used_up":
            for account, key, seconds, until in rows:
                self.used_up.setdefault(account, []).append((key, seconds, until))
        elif section == "allowances":
            for one, account, kind, prefixes, begins, ends in rows:
                found = Allowance(one, kind, tuple(prefixes), begins, ends)
                self.allowances.setdefault(account, []).append(found)

    def of(self, account: int, number: str, at: float) -> Sequence[Allowance]:
        """The allowances of the account that a call to the number may use now."""
        return [one for one in self.allowances.get(account, ()) if one.fits(number, at)]
