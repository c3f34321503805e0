"""Worlds for tests: an office in memory, written with the store's own files and loaded as a worker loads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.config.registry import defaults
from apps.pricing.engine import Rate
from switch.call.model import CallRequest
from switch.world.deck_build import compile_deck
from switch.world.loader import load_now
from switch.world.names import write_names
from switch.world.store import Store
from switch.world.world import World

NOW = 1_790_000_000.0  # a Monday, 2026-09-21 14:13:20 UTC
MINUTE = 60


@dataclass
class Usage:
    """So many calls are up."""

    up: Mapping[int, int] = field(default_factory=dict)
    begun: Mapping[int, int] = field(default_factory=dict)
    out: Mapping[int, int] = field(default_factory=dict)

    def calls(self, account_id: int) -> int:
        return self.up.get(account_id, 0)

    def attempts(self, account_id: int) -> int:
        return self.begun.get(account_id, 0)

    def carrier_calls(self, account_id: int) -> int:
        return self.out.get(account_id, 0)


class Office:
    """Rows as `apps.*.snapshot` gives them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[list[Any]]] = {
            name: []
            for name in (
                "accounts", "credentials", "addresses", "trunks", "rules", "tariffs", "assignments", "windows",
                "exchange", "calendars", "overrides", "header_rules", "causes",
            )
        }  # fmt: skip
        self.settings: dict[str, Any] = defaults()
        self.rates: dict[int, list[Rate]] = {}
        self.names: dict[int, str] = {}
        self._last = 0

    def id(self) -> int:
        self._last += 1
        return self._last

    def account(
        self, username: str, kind: str = "subscriber", *, above: int | None = None, **fields: Any
    ) -> int:
        account = self.id()
        if fields.pop("media", "relay") == "direct":
            self.rows["overrides"] += [
                [account, key, "bypass"] for key in ("routertpcaller", "routertpcalled")
            ]
        path = next((row[3] for row in self.rows["accounts"] if row[0] == above), [])
        values = {
            "active": True, "billing": "prepaid", "currency": "EUR", "vat": 0, "zone": "UTC", "number": "",
            "tech_prefix": "", "max_calls": 0, "per_second": 0, "max_seconds": 0,
        } | fields  # fmt: skip
        assert len(values) == 10, fields
        self.rows["accounts"].append([account, username, kind, [*path, account], *values.values()])
        return account

    def phone(self, username: str, kind: str = "subscriber", **fields: Any) -> int:
        account = self.account(username, kind, **fields)
        self.rows["credentials"].append([username, account, "mizu", "m" * 32, "s" * 64])
        return account

    def address(self, account: int, network: str, port: int = 0) -> None:
        self.rows["addresses"].append([network, port, account])

    def tariff(
        self,
        kind: str,
        prices: Mapping[str, int] | Iterable[Rate],
        *,
        to: int | None = None,
        currency: str = "EUR",
        included: int = 0,
        zone: str = "UTC",
        decimals: int = 4,
        crossing: str = "per_second",
        calendars: Iterable[int] = (),
    ) -> int:
        tariff = self.id()
        if isinstance(prices, Mapping):
            prices = [Rate(self.id(), prefix, price) for prefix, price in prices.items()]
        self.rates[tariff] = list(prices)
        row = [tariff, f"{kind}-{tariff}", kind, currency, included, zone, "half_up", decimals, crossing]
        row.append(list(calendars))
        self.rows["tariffs"].append(row)
        if to is not None:
            self.rows["assignments"].append([to, kind, tariff, "", None, None])
        return tariff

    def carrier(
        self,
        username: str,
        prices: Mapping[str, int] | Iterable[Rate] | None,
        *,
        lines: int = 0,
        **fields: Any,
    ) -> int:
        trunk = {"strip": fields.pop("strip", 0), "prefix": fields.pop("prefix", "")}
        currency = fields.pop("tariff_currency", "EUR")
        account = self.account(username, "carrier", **fields)
        self.rows["trunks"].append(
            [account, "192.0.2.9", 5060, "udp", trunk["strip"], trunk["prefix"], lines, 60, 5, "", "", "", ""]
        )
        if prices is not None:
            self.tariff("carrier", prices, to=account, currency=currency)
        return account

    def rule(
        self, name: str, *carriers: int | tuple[int, int, int], priority: int = 100, **fields: Any
    ) -> int:
        rule = self.id()
        targets = [[one, 1, 1] if isinstance(one, int) else list(one) for one in carriers]
        values = {
            "strategy": "least_cost", "final": False, "caller": None, "caller_prefixes": [],
            "called_prefixes": [], "window": None,
        } | fields  # fmt: skip
        assert len(values) == 6, fields
        self.rows["rules"].append([rule, name, priority, targets, *values.values()])
        self.rows["rules"].sort(key=lambda row: (row[2], row[0]))
        return rule

    def world(self, folder: Path) -> World:
        write(self, folder)
        world = load_now(folder).world
        assert world is not None
        return world


def write(office: Office, folder: Path, now: float = NOW) -> Store:
    """The office's snapshot files."""
    store = Store(folder)
    rows = office.rows

    def sections(*names: str) -> dict[str, list[list[Any]]]:
        return {name: rows[name] for name in names}

    parts = {
        "accounts": store.write_part(
            "accounts", sections("accounts", "credentials", "addresses", "trunks", "overrides")
        ),
        "routes": store.write_part("routes", sections("rules")),
        "tariffs": store.write_part(
            "tariffs", sections("tariffs", "assignments", "windows", "exchange", "calendars")
        ),
        "signalling": store.write_part("signalling", sections("header_rules", "causes")),
        "settings": store.write_part("settings", {"settings": plain(office.settings).items()}),
    }
    for tariff, rates in office.rates.items():
        deck, names = f"deck:{tariff}", f"names:{tariff}"
        compile_deck(rates, store.temporary(deck), tariff)
        parts[deck] = store.keep(deck, store.temporary(deck), "deck")
        named = [(one.id, office.names[one.id]) for one in rates if one.id in office.names]
        write_names(sorted(named), store.temporary(names))
        parts[names] = store.keep(names, store.temporary(names), "names")
    store.publish(parts, now)
    return store


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}


def request(called: str, **fields: Any) -> CallRequest:
    """An INVITE from 198.51.100.7:5060."""
    return CallRequest(
        **{
            "call_id": "01930000-0000-7000-8000-000000000001",
            "received_at": NOW,
            "source_host": "198.51.100.7",
            "source_port": 5060,
            "transport": "udp",
            "sip_call_id": "a@b",
            "from_user": "1001",
            "from_display": "",
            "called": called,
            "called_host": "127.0.0.1",
        }
        | fields
    )
