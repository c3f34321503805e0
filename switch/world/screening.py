"""The lists of called numbers, as the snapshot has them, and what they say of a number for an account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from apps.core.values.networks import with_port
from apps.screening.engine.filtering import Standing
from apps.screening.engine.numbers import MappedList

BLACK, WHITE, AUTOMATIC = "listed:black", "listed:white", "listed:automatic"


@dataclass(frozen=True, slots=True)
class CalledLists:
    """The mapped files; None where a list has no entry."""

    black: MappedList | None = None
    white: MappedList | None = None
    automatic: MappedList | None = None

    def standing(
        self, number: str, path: Sequence[int], at: float, *, black: str = "auto", white: str = "auto"
    ) -> Standing:
        """What they say. `black` and `white`: the settings `numfiltering` and `checkknownnumbers`."""
        good = self.white.strongest(number, path, at) if self.white is not None and white != "no" else None
        if black == "no":
            return Standing(white=good)
        bad = self.black.strongest(number, path, at) if self.black is not None else None
        found = self.automatic.strongest(number, path, at) if self.automatic is not None else None
        if found is not None and (bad is None or found.level > bad.level):
            return Standing(found, good, automatic=True)
        return Standing(bad, good)


@dataclass(frozen=True, slots=True)
class FirewallRules:
    """Who is heard (`apps.screening.models.FirewallRule`)."""

    open_door: bool = True
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    allowed_countries: frozenset[str] = frozenset()
    denied_countries: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, int]] = frozenset()
    """Addresses with a port that are not heard."""

    def allows(self, host: str) -> bool:
        """Whether a rule lets this address in."""
        if not self.allowed:
            return False
        address = ip_address(host.partition("%")[0])
        return any(address in ip_network(one) for one in self.allowed)

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> FirewallRules:
        """From rows of (source, heard). Without the rule for everybody nobody is heard but who is allowed."""
        said = {str(source): bool(heard) for source, heard in rows}
        countries = {one[2:]: heard for one, heard in said.items() if one.startswith("C:")}
        ports = {one: place for one in said if (place := with_port(one)) is not None}
        addresses = [one for one in said if one != "*" and one[:2] not in ("U:", "C:") and one not in ports]
        return cls(
            open_door=said.get("*", False),
            allowed=tuple(one for one in addresses if said[one]),
            denied=tuple(one for one in addresses if not said[one]),
            users=tuple(one[2:] for one in said if one.startswith("U:") and not said[one]),
            allowed_countries=frozenset(code for code, heard in countries.items() if heard),
            denied_countries=frozenset(code for code, heard in countries.items() if not heard),
            ports=frozenset(place for one, place in ports.items() if not said[one]),
        )


OPEN = FirewallRules()
"""Everybody is heard."""


@dataclass(slots=True)
class ScreeningParts:
    """The part `screening`, as far as it has been read."""

    firewall: list[Any] = field(default_factory=list)
    bad_callers: dict[str, float] = field(default_factory=dict)
    known_callers: dict[str, tuple[str, float]] = field(default_factory=dict)

    def take(self, section: str, rows: list[Any]) -> None:
        """Rows of `apps.screening.snapshot`."""
        if section == "firewall":
            self.firewall += rows
        elif section == "bad_callers":
            self.bad_callers.update(rows)
        elif section == "known_callers":
            self.known_callers.update((key, (what, until)) for key, what, until in rows)


NO_LISTS = CalledLists()


def lists_of(parts: dict[str, MappedList]) -> CalledLists:
    """From what was loaded; empty ones are left out, so that nobody asks them."""
    found = {name: one for name, one in parts.items() if one.size}
    return CalledLists(found.get(BLACK), found.get(WHITE), found.get(AUTOMATIC)) if found else NO_LISTS
