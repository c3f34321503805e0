"""Call features as a worker knows them: forwards, ring groups, short numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Forward(NamedTuple):
    """Where calls go on to in one case. `seconds`: of ringing before; 0: as the setting says."""

    number: str
    seconds: int = 0


class Member(NamedTuple):
    """One number of a ring group."""

    number: str
    delay: int = 0
    seconds: int = 0


class Group(NamedTuple):
    """Who rings beside, or instead of, an account's own phones."""

    serial: bool
    own_phones: bool
    members: tuple[Member, ...]


@dataclass(slots=True)
class Features:
    """The part `features` of a snapshot."""

    forwards: dict[int, dict[str, Forward]] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    speed_dials: dict[tuple[int, str], str] = field(default_factory=dict)

    def take(self, section: str, rows: list[Any]) -> None:
        """Rows of `apps.pbx.snapshot`."""
        if section == "forwards":
            for account, kind, number, seconds in rows:
                self.forwards.setdefault(account, {})[kind] = Forward(number, seconds)
        elif section == "ring_groups":
            for account, mode, own, members in rows:
                listed = tuple(Member(*member) for member in members)
                self.groups[account] = Group(mode == "serial", own, listed)
        elif section == "speed_dials":
            self.speed_dials.update(((account, code), number) for account, code, number in rows)
