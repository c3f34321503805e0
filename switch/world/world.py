"""Everything a worker knows, as one immutable value: it decides by it, and swaps it for a newer one whole.

Rows stay as the snapshot has them until somebody asks, so that a world of 50,000 accounts is
assembled in milliseconds; what was asked for is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from apps.config.registry import wire as wire_settings
from apps.core.values.hours import DayParts, HoursKind, spans_of
from apps.core.values.windows import Hours
from apps.dids.engine import Dids
from apps.numbers.engine.lists import Lists
from apps.numbers.engine.normalise import Normaliser, Plan
from apps.numbers.engine.plans import plan_of
from apps.portability.engine import Portability
from apps.pricing.engine.book import Book, Names, Rates
from apps.pricing.engine.payers import Account
from apps.pricing.engine.price_lists import Given, Origin, PriceLists
from apps.routing.engine import RouteTable
from apps.routing.health.engine import Standings
from apps.screening.engine.countries import Countries
from switch.call.causes import Cause
from switch.call.headers import Rule as HeaderRule
from switch.call.headers import Rules as HeaderRules
from switch.call.headers import Wire
from switch.call.model import Caller, TrunkAddress, TrunkLogin
from switch.outside.servers import Server
from switch.sip.locate import Place
from switch.world.allowances import Allowance, Limits
from switch.world.features import Features, Forward, Group
from switch.world.minutes import Minutes, Prices
from switch.world.numbering import NumberParts
from switch.world.rows import Row
from switch.world.screening import NO_LISTS, OPEN, CalledLists, FirewallRules
from switch.world.settings import Settings
from switch.world.sources import AddressTable, Source, particular

NO_FORWARDS: Mapping[str, Forward] = {}
NO_GROUPS: frozenset[int] = frozenset()
LONGEST_TECH_PREFIX = 16


class Credential(NamedTuple):
    """What a phone proves itself with: digest secrets of one account (RFC 8760)."""

    username: str
    account_id: int
    realm: str
    ha1_md5: str
    ha1_sha256: str


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
    noted: dict[str, int]  # number outside that an account calls from → account
    pins: dict[str, int]  # digest of a PIN → account
    prefixes: dict[str, list[int]]  # tech prefix → accounts
    routes: RouteTable
    health: Standings
    prices: PriceLists
    settings: Settings
    overrides: dict[int, dict[str, Any]]  # account → its own values of settings
    radius: list[Server]  # the first to be asked first
    memberships: dict[int, tuple[int, ...]]  # account → groups that it was put into
    header_rules: list[HeaderRule]  # by priority
    causes: dict[str, Cause]  # how the office tells them
    features: Features
    dids: Dids
    portability: Portability
    numbering: NumberParts
    limits: Limits
    called_lists: CalledLists = NO_LISTS
    firewall: FirewallRules = OPEN
    bad_callers: Mapping[str, float] = field(default_factory=dict)
    countries: Countries | None = None
    known_callers: Mapping[str, tuple[str, float]] = field(default_factory=dict)


class World(Book):
    """One state of the office, as the switch sees it: the book of prices, and all else. Nothing in it changes but caches."""

    __slots__ = (
        "_accounts", "_certified", "_header_rules", "_logins", "_members", "_minutes", "_normaliser_of", "_normalisers", "_peak", "_settings", "_tables", "_trunks", "accountants", "asks_outside", "authorisers", "bad_callers", "called_lists", "carriers", "closed", "countries", "dids", "doors", "firewall", "health", "hidden", "known_callers", "portability", "routes", "rules", "settings", "version", "wire",
    )  # fmt: skip

    def __init__(
        self,
        version: str,
        tables: Tables,
        decks: Mapping[int, Rates],
        names: Mapping[int, Names] | None = None,
    ) -> None:
        settings = tables.settings
        super().__init__(
            tables.prices,
            decks,
            names or {},
            currency=settings.currency,
            recording=settings.currencyconversion,
        )
        self.version = version
        self.settings = settings
        self.routes = tables.routes
        self.portability = tables.portability
        self.dids = tables.dids
        """Numbers that we have given to accounts, and what belongs to them."""
        self.called_lists = tables.called_lists
        """Called numbers that are blocked or known to be good."""
        self.firewall = tables.firewall
        self.countries = tables.countries
        """The countries of addresses; None while there is no file that tells them."""
        self.bad_callers = tables.bad_callers
        self.known_callers = tables.known_callers
        """Keys of callers that are refused (`apps.screening.engine.standing`), and until when."""
        self.health = tables.health
        self._tables = tables
        self._accounts: dict[int, Caller | None] = {}
        self._settings: dict[int, Settings] = {}
        self._trunks: dict[int, TrunkAddress | None] = {}
        self._members: dict[int, list[int]] | None = None
        self._peak: Hours | None = None
        self._certified: dict[str, list[Source]] | None = None
        self._minutes: dict[tuple[Any, ...], Minutes] = {}
        self.carriers: dict[int, Any] = {}
        """What of each carrier is the same for every call, as far as it was asked (`switch.call.stages.gates`)."""
        self._header_rules: dict[int, HeaderRules | None] = {}
        everybody = [one for one in tables.header_rules if one.account is None]
        self.closed = frozenset(wire_settings.METHODS) - frozenset(settings.allowlist)
        """Methods that nobody may use."""
        self.hidden = frozenset(wire_settings.EXTENSIONS) - frozenset(settings.supportlist)
        """Extensions that we do not admit to know."""
        wire = Wire(everybody, settings, self.closed | self.hidden)
        self.wire = wire or None
        """Rules for every message as it is on the wire; mostly there is none."""
        self.rules = tables.numbering.book(settings)
        """Rewrite rules, by stage."""
        self._normalisers: dict[Plan, Normaliser] = {}
        self._normaliser_of: dict[
            int | str, Normaliser
        ] = {}  # by account, or kind of those without settings of their own
        self._logins: dict[int, list[TrunkLogin]] = {}
        for login in tables.logins.values():
            self._logins.setdefault(login.carrier, []).append(login)
        self.authorisers = tuple(one for one in tables.radius if one.authorises)
        """RADIUS servers that are asked about logins and calls."""
        self.accountants = tuple(one for one in tables.radius if one.accounts)
        """RADIUS servers that are told of calls."""
        self.asks_outside = _somebody(tables.overrides, settings, "externalauth", "no")
        """Whether there is anybody whose password others check."""
        self.doors = _doors(tables.overrides)
        """Who has a value of its own of the setting `needauth`, by value."""

    def changed(
        self,
        *,
        routes: RouteTable,
        without: Iterable[int],
        swaps: Mapping[int, int],
        decks: Mapping[int, Rates],
    ) -> World:
        """What would be: other routes, accounts that are disabled, tariffs in place of others, other rates of some tariffs."""
        tables, lists = self._tables, self._lists
        accounts = dict(tables.accounts)
        for one in without:
            if one in accounts:
                accounts[one] = [*accounts[one][:4], False, *accounts[one][5:]]
        swapped = {old: lists.tariffs[new] for old, new in swaps.items() if new in lists.tariffs}
        prices = replace(lists, tariffs={**lists.tariffs, **swapped})
        changed = replace(tables, accounts=accounts, routes=routes, prices=prices)
        return World(self.version, changed, {**self._decks, **decks}, self._names)

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

    def settings_of(self, account: Account) -> Settings:
        """The settings as they hold for the account: its own values, else the nearest above it, else everybody's."""
        found = self._settings.get(account.id)
        return found if found is not None else self._settings_of(account)

    def normaliser(self, account: Caller) -> Normaliser:
        """What is made of numbers in the account's calls; accounts with the same rules share what was found."""
        found = self._normaliser_of.get(account.id)
        if found is None:
            settings = self.settings_of(account)
            of = account.kind if settings is self.settings else account.id
            found = self._normaliser_of.get(of)
            if found is None:
                plan = plan_of(settings, account.kind)
                found = self._normaliser_of[of] = self._normalisers.setdefault(plan, Normaliser(plan))
        return found

    @property
    def lists(self) -> Lists:
        """The lists of numbers."""
        return self._tables.numbering.lists

    @property
    def days_by_address(self) -> float:
        """The length of the period in which calls are counted by their address; 0 while nobody is limited by that."""
        keys = ("maxcallperip", "maxdurationperip", "maxcostperip")
        everybody = any(getattr(self.settings, key) not in {0, "", "0"} for key in keys)
        if not everybody and self.own_settings().isdisjoint(keys):
            return 0.0
        return float(self.settings.maxcallperperiod)

    def own_settings(self) -> set[str]:
        """Keys of which some account has a value of its own."""
        return {key for own in self._tables.overrides.values() for key in own}

    def _settings_of(self, account: Account) -> Settings:
        own: dict[str, Any] = {}
        for one in account.path:
            own |= self._tables.overrides.get(one, {})
        found = self._settings[account.id] = self.settings.but(own) if own else self.settings
        return found

    def groups_of(self, account: Account) -> frozenset[int]:
        """The groups that hold the account: it was put in, or somebody above it."""
        known = self._tables.memberships
        if not known:
            return NO_GROUPS
        return frozenset(group for one in account.path for group in known.get(one, ()))

    def members_of(self, group: int) -> Sequence[int]:
        """The accounts that were put into the group, by their ids, and not those below them."""
        if self._members is None:
            self._members = {}
            for account, groups in sorted(self._tables.memberships.items()):
                for one in groups:
                    self._members.setdefault(one, []).append(account)
        return self._members.get(group, ())

    def prices(self, carrier: Caller, origin: Origin, at: float) -> Prices | None:
        """By what the carrier's price of such a call is found then; None: it has none."""
        given = self.tariff(carrier, "carrier", origin, at)
        return self._prices(given, at, at) if given is not None else None

    def usual_prices(self, carrier: Caller) -> Prices | None:
        """The same for all calls, where nothing but the time decides; None: ask `prices`."""
        found = self.only_tariff(carrier, "carrier")
        if found is None or found[0].tariff.currency != self.currency:
            return None
        return self._prices(*found)

    def _prices(self, given: Given, since: float, until: float) -> Prices | None:
        tariff = given.tariff
        exchange = self.exchange(tariff.currency, self.currency, since)
        rates = self._decks.get(tariff.id)
        if exchange is None or rates is None:
            return None
        key = (tariff.rounding, tariff.decimals, tariff.included_ppm, exchange, tariff.crossing)
        minutes = self._minutes.get(key)
        if minutes is None:
            minutes = self._minutes[key] = Minutes(tariff, exchange, self.settings.pricecalcsec)
        return Prices(given, float(since), float(until), rates, minutes)

    def lines(self, account: Caller, at: float) -> int:
        """How many calls the account may have at once at this moment; 0: as many as it likes (guide 1760-1762)."""
        if account.offpeak_calls < 0:
            return account.max_calls
        if self._peak is None:
            settings = self.settings
            begin, end = 60 * settings.peaktimebegin, 60 * settings.peaktimeend
            self._peak = Hours(
                spans_of(HoursKind.PEAK, DayParts(begin, end, weekend_is_peak=settings.weekendispeak))
            )
        peak = self._peak.contains(int(at), account.time_zone)
        return account.max_calls if peak else account.offpeak_calls

    def talks_within(self, account: Account) -> bool:
        """Whether seconds of the account are counted."""
        return account.id in self._tables.limits.used_up

    def talked_out(self, account: Caller, at: float) -> str:
        """The setting whose seconds the account has used up; "": it may talk (guide 9072-9081)."""
        used = self._tables.limits.used_up.get(account.id)
        if not used:
            return ""
        settings = self.settings_of(account)
        if not settings.calcmaxsl:
            return ""
        for key, seconds, until in used:
            most = getattr(settings, key, 0)
            if at < until and 0 < most <= seconds:
                return key
        return ""

    def allowances(self, account: Caller, number: str, at: float) -> Sequence[Allowance]:
        """What a call of the account to the number may use before its money."""
        return self._tables.limits.of(account.id, number, at)

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
        """The cause as the office tells it, while it may (guide 4771)."""
        if self.settings.usedefaultdisccodes:
            return cause
        return self._tables.causes.get(cause.name, cause)

    def credential(self, username: str) -> Credential | None:
        """The digest secrets of a SIP user name."""
        row = self._tables.credentials.get(username)
        return Credential(*row) if row else None

    def sources(self, host: str, port: int, names: Iterable[str] = ()) -> list[Source]:
        """The accounts that may call from this address, the most particular first; `names`: what leads there."""
        return self._tables.addresses.of(host, port, names)

    def source_names(self) -> Iterable[str]:
        """The host names from which some account may call."""
        return self._tables.addresses.names()

    def noted(self, number: str) -> int | None:
        """The account that has said to call from this number outside."""
        return self._tables.noted.get(number)

    def with_pin(self, digest: str) -> int | None:
        """The account with the PIN of this digest (`apps.users.pins`)."""
        return self._tables.pins.get(digest)

    def calls_from(self, number: str) -> int | None:
        """The account whose calls bear this caller number when a trunk brings them: one that was noted, else its own."""
        tables = self._tables
        found = tables.noted.get(number)
        return found if found is not None else tables.numbers.get(number)

    def known_as(self, user: str) -> int | None:
        """The account with this user name, SIP user name or caller number, or with this number outside."""
        row = self._tables.credentials.get(user)
        if row:
            account: int = row[1]
            return account
        plain = user.removeprefix("+")
        found = self._tables.names.get(plain)
        return found if found is not None else self._tables.noted.get(plain)

    def with_name(self, username: str) -> int | None:
        """The account with this user name; caller numbers do not count."""
        found = self._tables.names.get(username)
        row = self._tables.accounts.get(found) if found is not None else None
        return found if row is not None and row[1] == username else None

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
        return {
            place for row in self._tables.trunks.values() if row[1] for place in TrunkAddress(*row[1:]).places
        }

    def certified(self, names: Iterable[str]) -> list[Source]:
        """The accounts that may call with a certificate for one of these names (setting `tlspeernames`)."""
        if self._certified is None:
            self._certified = self._by_certificate()
        found = [one for name in names for one in self._certified.get(name, ())]
        return sorted(dict.fromkeys(found), key=particular)

    def _by_certificate(self) -> dict[str, list[Source]]:
        found: dict[str, list[Source]] = {}
        for account_id, own in self._tables.overrides.items():
            row = self._tables.accounts.get(account_id)
            if row is not None:
                for name in own.get("tlspeernames", ()):
                    found.setdefault(str(name).lower(), []).append(Source(account_id, 0, row[10]))
        return found

    @property
    def trunks(self) -> Collection[int]:
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

    def named(self, username: str) -> Caller | None:
        """The account with this user name."""
        account_id = self._tables.names.get(username)
        account = self.account(account_id) if account_id is not None else None
        return account if account is not None and account.username == username else None


def _somebody(overrides: Mapping[int, Mapping[str, Any]], settings: Settings, key: str, usual: Any) -> bool:
    """Whether a setting has another value than the usual one for anybody."""
    return getattr(settings, key) != usual or any(own.get(key, usual) != usual for own in overrides.values())


def _doors(overrides: Mapping[int, Mapping[str, Any]]) -> Mapping[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for account, own in sorted(overrides.items()):
        if "needauth" in own:
            found.setdefault(own["needauth"], []).append(account)
    return {mode: tuple(accounts) for mode, accounts in found.items()}
