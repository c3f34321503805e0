"""Everything a worker knows, as one immutable value: it decides by it, and swaps it for a newer one whole.

Rows stay as the snapshot has them until somebody asks, so that a world of 50,000 accounts is
assembled in milliseconds; what was asked for is kept.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, Protocol

from apps.core.values.money import to_micros
from apps.core.values.windows import Days, Hours, TimeWindow
from apps.pricing.engine import Rate, Terms, band_of, bands_of, rate
from apps.routing.engine import RouteTable, Rule, RuleTarget
from switch.call.causes import Cause
from switch.call.headers import Rule as HeaderRule
from switch.call.headers import Rules as HeaderRules
from switch.call.headers import Wire
from switch.call.model import Caller, TrunkAddress, TrunkLogin
from switch.sip.locate import Place
from switch.world.features import Features, Forward, Group
from switch.world.price_lists import Assignment, Calendar, Tariff, holding, special_days
from switch.world.settings import Settings

Row = Sequence[Any]
CACHED_TERMS = 20_000
NO_FORWARDS: Mapping[str, Forward] = {}
LONGEST_TECH_PREFIX = 16


class Deck(Protocol):
    """The rates of one tariff (`switch.world.deck.Deck`)."""

    def match(self, number: str, at: float) -> tuple[Rate, ...] | None:
        """The rates that price a call to the number at that time."""


class Names(Protocol):
    """Destinations' names of one tariff (`switch.world.names.Names`)."""

    def of(self, rate_id: int) -> str:
        """The name that the rate gives its destination, or nothing."""


class Credential(NamedTuple):
    """What a phone proves itself with: digest secrets of one account (RFC 8760)."""

    username: str
    account_id: int
    realm: str
    ha1_md5: str
    ha1_sha256: str


class Source(NamedTuple):
    """An account that may call from an address without a password."""

    account_id: int
    port: int  # 0: any
    tech_prefix: str
    exact: bool = True  # a single address, not a network that the address lies in


@dataclass(frozen=True, slots=True)
class Tables:
    """What the small parts of a snapshot hold, as it came from the files."""

    accounts: dict[int, Row]
    credentials: dict[str, Row]
    addresses: AddressTable
    trunks: dict[int, Row]
    logins: dict[int, TrunkLogin]
    numbers: dict[str, int]  # caller number → account
    names: dict[str, int]  # user name, else caller number → account, of every kind
    prefixes: dict[str, list[int]]  # tech prefix → accounts
    routes: RouteTable
    tariffs: dict[int, Tariff]
    assignments: dict[tuple[int, str], list[Assignment]]
    windows: dict[int, tuple[TimeWindow, ...]]
    calendars: dict[int, Calendar]
    exchange: dict[str, tuple[list[int], list[int]]]  # currency → (first seconds, units)
    settings: Settings
    overrides: dict[int, dict[str, Any]]  # account → its own values of settings
    header_rules: list[HeaderRule]  # by priority
    causes: dict[str, Cause]  # how the office tells them
    features: Features


class AddressTable:
    """Which accounts an address belongs to: exact addresses first, then the longest network."""

    __slots__ = ("_exact", "_networks")

    def __init__(self) -> None:
        self._exact: dict[str, list[Source]] = {}
        self._networks: dict[tuple[int, int], dict[int, list[Source]]] = {}  # (version, bits to drop)

    def add(self, text: str, source: Source) -> None:
        """Let the source call from this address or network; only while the table is being made."""
        if "/" not in text and ":" not in text:
            insort(self._exact.setdefault(text, []), source, key=_particular)
            return
        network = ip_network(text, strict=False)
        drop = network.max_prefixlen - network.prefixlen
        if not drop:
            insort(self._exact.setdefault(str(network.network_address), []), source, key=_particular)
            return
        kind = (network.version, drop)
        if kind not in self._networks:
            self._networks = dict(sorted({**self._networks, kind: {}}.items()))  # longest networks first
        source = source._replace(exact=False)
        place = int(network.network_address) >> drop
        insort(self._networks[kind].setdefault(place, []), source, key=_particular)

    def networks(self) -> Iterator[str]:
        """All addresses and networks there are."""
        yield from self._exact
        for (version, drop), table in self._networks.items():
            kind, bits = (IPv4Network, 32) if version == 4 else (IPv6Network, 128)
            yield from (str(kind((place << drop, bits - drop))) for place in table)

    def of(self, host: str, port: int) -> list[Source]:
        """Whose the address may be, the most particular first: longest network, port named, longest tech prefix."""
        found = [one for one in self._exact.get(host, ()) if one.port in (0, port)]
        if not self._networks and (found or ":" not in host):
            return found
        try:
            address = ip_address(host)
        except ValueError:
            return found
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:  # what a socket for both families says of an IPv4 peer
            return self.of(str(mapped), port)
        if str(address) != host:
            found = [one for one in self._exact.get(str(address), ()) if one.port in (0, port)]
        for (version, drop), table in self._networks.items():
            if version == address.version:
                found += [one for one in table.get(int(address) >> drop, ()) if one.port in (0, port)]
        return found


def _particular(source: Source) -> tuple[bool, int, int]:
    """The order of sources of one address: port named, longest tech prefix, oldest account."""
    return not source.port, -len(source.tech_prefix), source.account_id


class World:
    """One state of the office, as the switch sees it. Nothing in it changes but caches."""

    __slots__ = (
        "_accounts", "_certified", "_decks", "_header_rules", "_logins", "_named", "_names", "_settings", "_tables", "_terms",
        "_trunks", "doors", "routes", "settings", "version", "wire",
    )  # fmt: skip

    def __init__(
        self,
        version: str,
        tables: Tables,
        decks: Mapping[int, Deck],
        names: Mapping[int, Names] | None = None,
    ) -> None:
        self.version = version
        self.settings = tables.settings
        self.routes = tables.routes
        self._tables = tables
        self._decks = decks
        self._names = names or {}
        self._accounts: dict[int, Caller | None] = {}
        self._settings: dict[int, Settings] = {}
        self._named: dict[str, int | None] = {}
        self._trunks: dict[int, TrunkAddress | None] = {}
        self._certified: dict[str, list[Source]] | None = None
        self._header_rules: dict[int, HeaderRules | None] = {}
        everybody = [one for one in tables.header_rules if one.account is None]
        wire = Wire(everybody, agent=tables.settings.agent, dated=tables.settings.usedateheader)
        self.wire = wire or None
        """Rules for every message as it is on the wire; mostly there is none."""
        self._terms: dict[tuple[object, ...], Terms | None] = {}
        self._logins: dict[int, list[TrunkLogin]] = {}
        for login in tables.logins.values():
            self._logins.setdefault(login.carrier, []).append(login)
        self.doors = _doors(tables.overrides)
        """Who has a value of its own of the setting `needauth`, by value."""

    @property
    def accounts(self) -> Mapping[int, Row]:
        """All accounts' rows by id; `account()` makes one a value."""
        return self._tables.accounts

    def account(self, account_id: int) -> Caller | None:
        """Whoever has this id, enabled or not."""
        try:
            return self._accounts[account_id]
        except KeyError:
            found = self._accounts[account_id] = self._account(account_id)
            return found

    def _account(self, account_id: int) -> Caller | None:
        row = self._tables.accounts.get(account_id)
        if row is None:
            return None
        path = tuple(row[3])
        enabled = bool(row[4]) and all((above := self._tables.accounts.get(one)) and above[4] for one in path)
        return Caller(row[0], row[1], row[2], path, enabled, *row[5:])

    def settings_of(self, account: Caller) -> Settings:
        """The settings as they hold for the account: its own values, else the nearest above it, else everybody's."""
        if not self._tables.overrides:
            return self.settings
        found = self._settings.get(account.id)
        if found is None:
            found = self._settings[account.id] = self._settings_of(account)
        return found

    def own_settings(self) -> set[str]:
        """Keys of which some account has a value of its own."""
        return {key for own in self._tables.overrides.values() for key in own}

    def _settings_of(self, account: Caller) -> Settings:
        own: dict[str, Any] = {}
        for one in account.path:
            own |= self._tables.overrides.get(one, {})
        return self.settings.but(own) if own else self.settings

    def header_rules(self, account: Caller) -> HeaderRules | None:
        """The rules for messages from and to the account: its own, those of accounts above it and of everybody; None without any."""
        try:
            return self._header_rules[account.id]
        except KeyError:
            found = self._header_rules[account.id] = self._rules_of(account)
            return found

    def _rules_of(self, account: Caller) -> HeaderRules | None:
        settings = self.settings_of(account)
        found = [
            one
            for one in self._tables.header_rules
            if one.action != "raw" and (one.account is None or one.account in account.path)
        ]
        found = [
            one for one in found if one.account is not None or (one.action, one.direction) != ("drop", "out")
        ]
        if not settings.allowheaders:
            found += [
                HeaderRule(None, "out", "any", "", "drop", name, "", "", "")
                for name in ("Allow", "Supported")
            ]
        if not found and not settings.fwdunknownheaders:
            return None
        return HeaderRules(found, unknown=settings.fwdunknownheaders)

    def cause(self, cause: Cause) -> Cause:
        """The cause as the office tells it."""
        return self._tables.causes.get(cause.name, cause)

    def credential(self, username: str) -> Credential | None:
        """The digest secrets of a SIP user name."""
        row = self._tables.credentials.get(username)
        return Credential(*row) if row else None

    def sources(self, host: str, port: int) -> list[Source]:
        """The accounts that may call from this address, the most particular first."""
        return self._tables.addresses.of(host, port)

    def known_as(self, user: str) -> int | None:
        """The account with this user name, SIP user name or caller number."""
        row = self._tables.credentials.get(user)
        return row[1] if row else self._tables.names.get(user.removeprefix("+"))

    def prefixed(self, called: str) -> Iterator[int]:
        """The accounts whose tech prefix the number begins with, the longest prefix first."""
        prefixes = self._tables.prefixes
        for length in range(min(LONGEST_TECH_PREFIX, len(called)), 0, -1):
            yield from prefixes.get(called[:length], ())

    def networks(self) -> Iterator[str]:
        """The addresses and networks that some account may call from without a password."""
        return self._tables.addresses.networks()

    def trunk_places(self) -> set[Place]:
        """Where all carriers are."""
        return {TrunkAddress(*row[1:]).place for row in self._tables.trunks.values() if row[1]}

    def certified(self, names: Iterable[str]) -> list[Source]:
        """The accounts that may call with a certificate for one of these names (setting `tlspeernames`)."""
        if self._certified is None:
            self._certified = self._by_certificate()
        found = [one for name in names for one in self._certified.get(name, ())]
        return sorted(dict.fromkeys(found), key=_particular)

    def _by_certificate(self) -> dict[str, list[Source]]:
        found: dict[str, list[Source]] = {}
        for account_id, own in self._tables.overrides.items():
            row = self._tables.accounts.get(account_id)
            if row is not None:
                for name in own.get("tlspeernames", ()):
                    found.setdefault(str(name).lower(), []).append(Source(account_id, 0, row[10]))
        return found

    @property
    def trunks(self) -> Iterable[int]:
        """The carriers that have a trunk."""
        return self._tables.trunks

    @property
    def logins(self) -> Mapping[int, TrunkLogin]:
        """Our accounts with carriers, by id."""
        return self._tables.logins

    def logins_of(self, carrier: int) -> Sequence[TrunkLogin]:
        """Our accounts with that carrier, the first to be used first."""
        return self._logins.get(carrier, ())

    def trunk(self, account_id: int) -> TrunkAddress | None:
        """How a carrier is reached."""
        try:
            return self._trunks[account_id]
        except KeyError:
            row = self._tables.trunks.get(account_id)
            found = self._trunks[account_id] = TrunkAddress(*row[1:]) if row else None
            return found

    def local(self, called: str) -> int | None:
        """The account of ours with this SIP user name or caller number."""
        row = self._tables.credentials.get(called)
        return row[1] if row else self._tables.numbers.get(called)

    def forwards(self, account_id: int) -> Mapping[str, Forward]:
        """Where calls of the account go on to, by case: always, busy, no_answer, unreachable."""
        return self._tables.features.forwards.get(account_id, NO_FORWARDS)

    def group(self, account_id: int) -> Group | None:
        """Who rings when the account is called, beside its phones."""
        return self._tables.features.groups.get(account_id)

    def speed_dial(self, account: Caller, code: str) -> str | None:
        """The number that a short one stands for: the account's own, else the nearest above it."""
        dials = self._tables.features.speed_dials
        return next((dials[one, code] for one in reversed(account.path) if (one, code) in dials), None)

    def tariff(
        self, caller: Caller, kind: str, caller_number: str = "", at: float = 0
    ) -> tuple[Tariff, int] | None:
        """The account's tariff of a kind for such a call, its own or the nearest above it, and whose it is."""
        assignments = self._tables.assignments
        for account_id in reversed(caller.path):
            given = assignments.get((account_id, kind))
            tariff_id = holding(given, caller_number, at) if given else None
            if tariff_id is not None:
                return self._tables.tariffs[tariff_id], account_id
        return None

    def terms(
        self, tariff: Tariff, number: str, at: float, *, currency: str, vat_ppm: int, discount_ppm: int = 0
    ) -> Terms | str:
        """By which terms the tariff prices a call to the number now, or in words why it does not."""
        deck = self._decks.get(tariff.id)
        rates = deck.match(number, at) if deck else None
        if not rates:
            return f"tariff {tariff.name} has no rate for {number}"
        exchange = self.exchange(tariff.currency, currency, at)
        if exchange is None:
            return f"no exchange rate between {tariff.currency} and {currency}"
        days: Days = ()
        if tariff.calendars and rates[0].window is not None:
            days = special_days(self._calendars(tariff), number, tariff.zone, at)
        key = (tariff.id, *[one.id for one in rates], currency, vat_ppm, exchange, discount_ppm, days)
        terms = self._terms.get(key)
        if terms is None:
            bands = bands_of(rates, self._tables.windows)
            if not bands:
                return f"tariff {tariff.name} has a rate for {number}, but for no hour"
            terms = self._kept(
                key,
                Terms(
                    bands=bands,
                    currency=currency,
                    zone=tariff.zone,
                    rounding=tariff.rounding,
                    decimals=tariff.decimals,
                    vat_ppm=vat_ppm,
                    included_ppm=tariff.included_ppm,
                    exchange=exchange,
                    crossing=tariff.crossing,
                    discount_ppm=discount_ppm,
                    days=days,
                ),
            )
        if terms.bands[0].window is not None and not terms.covers(at):
            return f"tariff {tariff.name} has no rate for {number} at this hour"
        return terms

    def fixed(self, price: str, at: float, *, currency: str, vat_ppm: int) -> Terms | str:
        """Terms of a price per minute in the installation's currency, by the second; or in words why there are none."""
        exchange = self.exchange(self.settings.currency, currency, at)
        if exchange is None:
            return f"no exchange rate between {self.settings.currency} and {currency}"
        key = ("fixed", price, currency, vat_ppm, exchange)
        known = self._terms.get(key)
        return known or self._kept(
            key,
            Terms(
                bands=(band_of(Rate(0, "", to_micros(price))),),
                currency=currency,
                decimals=4,
                vat_ppm=vat_ppm,
                exchange=exchange,
            ),
        )

    def named(self, username: str) -> Caller | None:
        """The account with this user name."""
        if username not in self._named:
            rows = self._tables.accounts.values()
            self._named[username] = next((row[0] for row in rows if row[1] == username), None)
        account_id = self._named[username]
        return None if account_id is None else self.account(account_id)

    def _calendars(self, tariff: Tariff) -> list[Calendar]:
        return [self._tables.calendars[one] for one in tariff.calendars if one in self._tables.calendars]

    def _kept(self, key: tuple[object, ...], terms: Terms) -> Terms:
        if len(self._terms) >= CACHED_TERMS:
            self._terms.clear()  # the busy ones are back at once
        self._terms[key] = terms
        return terms

    def destination(self, tariff: Tariff, terms: Terms) -> str:
        """What the price list calls the place that the terms are for."""
        names = self._names.get(tariff.id)
        return names.of(terms.bands[0].rate_id) if names else ""

    def exchange(self, source: str, target: str, at: float) -> tuple[int, int] | None:
        """Units of `target` for units of `source` on that day, as an exact ratio; None when one is not known."""
        if source == target:
            return 1, 1
        units, others = self._units(target, at), self._units(source, at)
        return (units, others) if units and others else None

    def _units(self, currency: str, at: float) -> int | None:
        """Hundred-millionths of the currency for one unit of the installation's."""
        if currency == self.settings.currency:
            return 10**8
        begins, units = self._tables.exchange.get(currency, ((), ()))
        place = bisect_right(begins, at)
        return units[place - 1] if place else None


def _doors(overrides: Mapping[int, Mapping[str, Any]]) -> Mapping[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for account, own in sorted(overrides.items()):
        if "needauth" in own:
            found.setdefault(own["needauth"], []).append(account)
    return {mode: tuple(accounts) for mode, accounts in found.items()}


def minute_cost(terms: Terms, at: float) -> int:
    """The cost of one minute begun now, in billionths of the currency unit: what carriers are compared by.

    Finer than any amount that is charged, so that carriers whose prices differ in the seventh decimal do not tie.
    """
    plain = terms.plain
    if plain is None:
        return 1000 * rate(replace(terms, decimals=6, vat_ppm=0), at, 60).net
    connect, price, first, following = plain
    billed = first if first >= 60 else first - (first - 60) // following * following
    return (connect + billed * price) * terms.factor * terms.quantum * 1000 // terms.divisor


def rule_of(row: Row) -> Rule:
    """A rule from its row (`apps.routing.snapshot.rules`)."""
    return Rule(
        id=row[0],
        name=row[1],
        priority=row[2],
        targets=tuple(RuleTarget(*target) for target in row[3]),
        strategy=row[4],
        final=row[5],
        caller=row[6],
        caller_prefixes=tuple(row[7]),
        called_prefixes=tuple(row[8]),
        window=None if row[9] is None else Hours(tuple(TimeWindow(*span) for span in row[9])),
    )
