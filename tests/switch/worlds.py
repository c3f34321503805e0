"""Worlds for tests: an office in memory, written with the store's own files and loaded as a worker loads them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from pathlib import Path
from typing import Any

from apps.config.registry import defaults
from apps.dids.engine import Nothing, Recent
from apps.pricing.deck_build import compile_deck
from apps.pricing.engine import Rate
from apps.screening.build import compile_list
from apps.screening.country_build import build as build_countries
from switch.addresses import Addresses
from switch.call.model import Ask, CallRequest, TrunkLogin
from switch.habits import Habits
from switch.world.loader import load_now
from switch.world.names import write_names
from switch.world.store import Store
from switch.world.world import World
from tests import mmdb

NOW = 1_790_000_000.0  # a Monday, 2026-09-21 14:13:20 UTC
MINUTE = 60


@dataclass
class Usage:
    """So many calls are up."""

    up: Mapping[int, int] = field(default_factory=dict)
    begun: Mapping[int, int] = field(default_factory=dict)
    out: Mapping[int, int] = field(default_factory=dict)
    away: Mapping[int, str] = field(default_factory=dict)
    phones: Iterable[int] = ()
    answers: Mapping[Ask, tuple[Any, ...]] = field(default_factory=dict)
    asks: bool = False
    recent: Recent = field(default_factory=Nothing)
    routed: Mapping[int, float] = field(default_factory=dict)
    ended: Mapping[int, float] = field(default_factory=dict)
    sent: Mapping[int, int] = field(default_factory=dict)
    short: frozenset[int] = frozenset()
    habits: Habits = field(default_factory=lambda: Habits(lambda: 0.0))
    addresses: Addresses = field(default_factory=lambda: Addresses(lambda: NOW))

    def calls(self, account_id: int) -> int:
        return self.up.get(account_id, 0)

    def attempts(self, account_id: int) -> int:
        return self.begun.get(account_id, 0)

    def carrier_calls(self, account_id: int) -> int:
        return self.out.get(account_id, 0)

    def carrier_attempts(self, account_id: int) -> int:
        return self.sent.get(account_id, 0)

    def tried(self, account_id: int, called: str, within: float) -> frozenset[int]:
        return self.short

    def engaged(self, account_id: int) -> int:
        return self.out.get(account_id, 0)

    def looked_up(self, question: Ask) -> tuple[Any, ...] | None:
        return self.answers.get(question, None if self.asks else ())

    def online(self, account_id: int) -> bool:
        return account_id in self.phones

    def target_calls(self, target: int) -> int:
        return self.out.get(-target, 0)

    def target_attempts(self, target: int) -> int:
        return self.begun.get(-target, 0)

    def routed_at(self, account_id: int) -> float:
        return self.routed.get(account_id, 0.0)

    def idle(self, account_id: int) -> float:
        return self.ended.get(account_id, inf)

    def unreachable(self, account_id: int, logins: Sequence[TrunkLogin]) -> str:
        return self.away.get(account_id, "")


class Office:
    """Rows as `apps.*.snapshot` gives them."""

    def __init__(self) -> None:
        self.rows: dict[str, list[list[Any]]] = {
            name: []
            for name in (
                "known_numbers", "pins", "radius_servers",
                "accounts", "credentials", "addresses", "trunks", "rules", "tariffs", "assignments", "windows",
                "exchange", "calendars", "overrides", "header_rules", "causes", "forwards", "ring_groups", "speed_dials",
                "dids", "did_stock", "held", "short_numbers", "contacts", "port_changes", "operators",
                "trunk_accounts", "used_up", "allowances", "memberships", "lists", "listed_numbers", "standings",
                "figures",
                "prefix_rules", "rewrite_rules",
            )
        }  # fmt: skip
        self.settings: dict[str, Any] = defaults()
        self.rates: dict[int, list[Rate]] = {}
        self.names: dict[int, str] = {}
        self.bad_callers: dict[str, float] = {}
        self.known_callers: list[list[Any]] = []
        self.firewall: list[list[Any]] = [["*", True]]
        self.countries: dict[str, Any] = {}  # network → country; empty: there is no file
        self.screening: dict[str, list[list[Any]]] = {}
        """Rows of `apps.screening`, by book; as a list of numbers has them: number, account or 0, level, until or 0."""
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

    def rule(self, name: str, *carriers: int | tuple[Any, ...], priority: int = 100, **fields: Any) -> int:
        rule = self.id()
        targets = [[one, 1, 1] if isinstance(one, int) else list(one) for one in carriers]
        values = {
            "strategy": "least_cost", "final": False, "caller": None, "caller_prefixes": [],
            "called_prefixes": [], "window": None, "tech_prefixes": [], "service": "", "groups": [], "calendars": [],
            "inside": [], "together": False,
        } | fields  # fmt: skip
        assert len(values) == 12, fields
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
            "accounts",
            sections(
                "accounts",
                "credentials",
                "addresses",
                "trunks",
                "trunk_accounts",
                "overrides",
                "memberships",
                "radius_servers",
                "known_numbers",
                "pins",
            ),
        ),
        "dids": store.write_part("dids", sections("dids", "did_stock", "held", "short_numbers", "contacts")),
        "porting": store.write_part("porting", sections("port_changes", "operators")),
        "features": store.write_part("features", sections("forwards", "ring_groups", "speed_dials")),
        "routes": store.write_part("routes", sections("rules", "calendars", "figures")),
        "numbers": store.write_part(
            "numbers", sections("lists", "listed_numbers", "prefix_rules", "rewrite_rules")
        ),
        "health": store.write_part("health", sections("standings")),
        "tariffs": store.write_part(
            "tariffs", sections("tariffs", "assignments", "windows", "exchange", "calendars")
        ),
        "signalling": store.write_part("signalling", sections("header_rules", "causes")),
        "limits": store.write_part("limits", sections("used_up", "allowances")),
        "screening": store.write_part(
            "screening",
            {
                "firewall": office.firewall,
                "bad_callers": office.bad_callers.items(),
                "known_callers": office.known_callers,
            },
        ),
        "settings": store.write_part("settings", {"settings": plain(office.settings).items()}),
    }
    if office.countries:
        source = mmdb.write(store.temporary("mmdb"), office.countries)
        build_countries(source, store.temporary("countries"))
        source.unlink()
        parts["countries"] = store.keep("countries", store.temporary("countries"), "geo")
    for book, listed in office.screening.items():
        part = f"listed:{book}"
        compile_list([tuple(row) for row in listed], store.temporary(part))  # type: ignore[misc]
        parts[part] = store.keep(part, store.temporary(part), "numbers")
    for tariff, rates in office.rates.items():
        deck, names = f"deck:{tariff}", f"names:{tariff}"
        store.temporary(deck).write_bytes(_deck(tuple(rates), tariff))
        parts[deck] = store.keep(deck, store.temporary(deck), "deck")
        named = [(one.id, office.names[one.id]) for one in rates if one.id in office.names]
        write_names(sorted(named), store.temporary(names))
        parts[names] = store.keep(names, store.temporary(names), "names")
    store.publish(parts, now)
    return store


@lru_cache(maxsize=500)
def _deck(rates: tuple[Rate, ...], tariff: int) -> bytes:
    """The file of a tariff. Thousands of tests have the same few offices."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck"
        compile_deck(rates, path, tariff)
        return path.read_bytes()


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
