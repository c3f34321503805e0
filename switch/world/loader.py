"""From snapshot files to a `World`, in steps short enough for a reactor that carries calls.

A thread would be simpler, but would take the interpreter from the reactor for its switch interval at every
system call of the reactor; steps of a millisecond or two in the reactor itself disturb a call less.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from sys import intern
from typing import Any, Protocol

from apps.core.values.digits import listed
from apps.dids.engine import Dids
from apps.portability.engine import Portability, PortedError, PortedFile
from apps.pricing.engine.deck import Deck, DeckError
from apps.pricing.engine.price_lists import Calendar, PriceLists
from apps.routing.engine import RouteTable
from apps.routing.health.engine import Standings
from apps.screening.engine.countries import Countries, CountriesError
from apps.screening.engine.numbers import ListError, MappedList
from switch.call.causes import Cause
from switch.call.headers import Rule, header_rule
from switch.call.model import TrunkLogin
from switch.call.stages.gates import learn_carriers
from switch.outside.servers import Server
from switch.world.allowances import Limits
from switch.world.features import Features
from switch.world.names import Names
from switch.world.numbering import NumberParts
from switch.world.rows import figures_of, rule_of
from switch.world.screening import FirewallRules, ScreeningParts, lists_of
from switch.world.settings import Settings
from switch.world.sources import AddressTable, Source
from switch.world.store import MANIFEST, Manifest, StoreError, read_part
from switch.world.world import Tables, World

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
STEP_SECONDS = 0.002
"""How long one step of loading may keep the reactor from its calls."""
REST_SECONDS = 0.002
KINDS_WITH_NUMBERS = ("subscriber", "extension", "agent")

Steps = Generator[None, None, Any]


class Parts:
    """What is loaded of one manifest, part by part: the next load takes over what has the same file."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.values: dict[str, Any] = {}  # by file name
        self.world: World | None = None

    def get(self, part: str) -> Any:
        """The value of a part. Raises StoreError when the manifest has none."""
        file = self.manifest.parts.get(part)
        if file is None:
            raise StoreError(f"the manifest of world {self.manifest.version} names no {part}")
        return self.values[file]


def load(folder: Path, previous: Parts | None = None) -> Generator[None, None, Parts]:
    """Load what the manifest names, step by step; the generator's value is the result with its `world`.

    Raises FileNotFoundError, StoreError, DeckError, ListError or ValueError; `previous` is untouched and stays good.
    """
    parts = Parts(Manifest.read(folder))
    old = previous.values if previous else {}
    for part, file in parts.manifest.parts.items():
        if file in old:
            parts.values[file] = old[file]
            continue
        before = old.get(previous.manifest.parts.get(part, "")) if previous else None
        parts.values[file] = yield from _load_part(part, folder / file, before)
    parts.world = _assemble(parts)
    yield from learn_carriers(parts.world)
    return parts


def load_now(folder: Path, previous: Parts | None = None) -> Parts:
    """The same in one go, for starts and tools."""
    steps = load(folder, previous)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            result: Parts = done.value
            return result


def _load_part(part: str, path: Path, before: Any) -> Steps:
    kind = part.partition(":")[0]
    yield
    if kind == "deck":
        return Deck.open(path)
    if kind == "listed":
        return MappedList.open(path)
    if kind == "names":
        return Names(path)
    if kind == "ported":
        return PortedFile(path)
    if kind == "countries":
        return _countries(path)
    if part not in _READERS:
        return None  # of a newer compiler
    begin, take = _READERS[part]
    value = begin()
    if isinstance(before, AccountParts):
        value.before = before.accounts
    for section, rows in read_part(path):
        take(value, section, rows)
        yield
    if isinstance(value, AccountParts):
        value.before = {}
    return value


def _countries(path: Path) -> Countries | None:
    """The file of countries; one that cannot be read is as none, and nothing else waits for it."""
    try:
        return Countries.open(path)
    except CountriesError as error:
        logger.error("rules about countries keep nobody away: %s", error)
        return None


@dataclass(slots=True)
class AccountParts:
    """The part `accounts`, as far as it has been read."""

    accounts: dict[int, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)
    pins: dict[str, int] = field(default_factory=dict)
    prefixes: dict[str, list[int]] = field(default_factory=dict)
    credentials: dict[str, Any] = field(default_factory=dict)
    addresses: AddressTable = field(default_factory=AddressTable)
    trunks: dict[int, Any] = field(default_factory=dict)
    logins: dict[int, TrunkLogin] = field(default_factory=dict)
    overrides: dict[int, dict[str, Any]] = field(default_factory=dict)
    radius: list[Server] = field(default_factory=list)
    memberships: dict[int, tuple[int, ...]] = field(default_factory=dict)  # account → its groups
    before: dict[int, Any] = field(
        default_factory=dict
    )  # rows in use: an equal one is kept, not freed in one go


def _take_accounts(value: AccountParts, section: str, rows: list[Any]) -> None:
    """Accounts come before what belongs to them (`parts._sections`)."""
    if section == "accounts":
        _take_account_rows(value, rows)
    elif section == "credentials":
        value.credentials.update((row[0], row) for row in rows)
    elif section == "addresses":
        for network, port, account in rows:
            for prefix in listed(value.accounts[account][10]) or ("",):
                value.addresses.add(network, Source(account, port, prefix))
    elif section == "trunks":
        value.trunks.update((row[0], row) for row in rows)
    elif section == "trunk_accounts":
        for row in rows:
            login = TrunkLogin(*row)
            value.logins[login.id] = login
    elif section == "overrides":
        for account, key, own in rows:
            value.overrides.setdefault(account, {})[key] = own
    else:
        _take_more(value, section, rows)


def _take_more(value: AccountParts, section: str, rows: list[Any]) -> None:
    if section == "known_numbers":
        value.noted.update(rows)
    elif section == "pins":
        value.pins.update(rows)
    elif section == "radius_servers":
        value.radius += [Server(*row) for row in rows]
    elif section == "memberships":
        for account, group in rows:
            value.memberships[account] = (*value.memberships.get(account, ()), group)


SHARED = (2, 5, 6, 8)
"""Places in an account's row of words that thousands have: kind, billing, currency, zone."""


def _share(row: list[Any], accounts: dict[int, Any]) -> None:
    """What a row has in common with others is in memory once: words, and the ids of who stands above it."""
    for place in SHARED:
        row[place] = intern(row[place])
    path = tuple(row[3][:-1])
    above = accounts.get(path[-1]) if path else None
    row[3] = (*(above[3] if above is not None and above[3] == path else path), row[0])


def _take_account_rows(value: AccountParts, rows: list[Any]) -> None:
    for found in rows:
        _share(found, value.accounts)
        known = value.before.get(found[0])
        row = known if known == found else found
        value.accounts[row[0]] = row
        value.names[row[1]] = row[0]
        if row[9]:
            value.names.setdefault(row[9].removeprefix("+"), row[0])
        for prefix in listed(row[10]) if row[10] else ():
            value.prefixes.setdefault(prefix, []).append(row[0])
        if row[9] and row[2] in KINDS_WITH_NUMBERS:
            value.numbers.setdefault(row[9].removeprefix("+"), row[0])


def _take_rules(value: RouteTable, section: str, rows: list[Any]) -> None:
    if section == "rules":
        for row in rows:
            value.add(rule_of(row))
    elif section == "calendars":
        for calendar, prefixes, dates in rows:
            value.calendars[calendar] = Calendar(tuple(prefixes), dict(dates))
    elif section == "figures":
        for row in rows:
            carrier, prefix, figures = figures_of(row)
            value.figures.setdefault(carrier, {})[prefix] = figures


@dataclass(slots=True)
class SignallingParts:
    """The part `signalling`, as far as it has been read."""

    rules: list[Rule] = field(default_factory=list)
    causes: dict[str, Cause] = field(default_factory=dict)


def _take_signalling(value: SignallingParts, section: str, rows: list[Any]) -> None:
    if section == "header_rules":
        value.rules += [rule for row in rows if (rule := header_rule(row)) is not None]
    elif section == "causes":
        value.causes.update((row[0], Cause(*row)) for row in rows)


def _take_settings(value: dict[str, Any], section: str, rows: list[Any]) -> None:
    value.update(rows)


#: What each small part begins with, and how rows get into it.
_READERS: dict[str, tuple[Callable[[], Any], Callable[[Any, str, list[Any]], None]]] = {
    "accounts": (AccountParts, _take_accounts),
    "dids": (Dids, Dids.take),
    "features": (Features, Features.take),
    "numbers": (NumberParts, NumberParts.take),
    "porting": (Portability, Portability.take),
    "routes": (RouteTable, _take_rules),
    "health": (Standings, Standings.take),
    "tariffs": (PriceLists, PriceLists.take),
    "signalling": (SignallingParts, _take_signalling),
    "limits": (Limits, Limits.take),
    "screening": (ScreeningParts, ScreeningParts.take),
    "settings": (dict, _take_settings),
}


def _assemble(parts: Parts) -> World:
    accounts: AccountParts = parts.get("accounts")
    prices: PriceLists = parts.get("tariffs")
    signalling: SignallingParts = parts.get("signalling")
    try:
        settings = Settings.of(parts.get("settings"))
    except KeyError as error:
        raise StoreError(f"world {parts.manifest.version} does not know the setting {error}") from error
    tables = Tables(
        accounts=accounts.accounts,
        credentials=accounts.credentials,
        addresses=accounts.addresses,
        trunks=accounts.trunks,
        logins=accounts.logins,
        numbers=accounts.numbers,
        names=accounts.names,
        noted=accounts.noted,
        pins=accounts.pins,
        prefixes=accounts.prefixes,
        routes=parts.get("routes"),
        health=parts.get("health"),
        prices=prices,
        settings=settings,
        overrides=accounts.overrides,
        radius=accounts.radius,
        memberships=accounts.memberships,
        header_rules=signalling.rules,
        causes=signalling.causes,
        features=parts.get("features"),
        dids=parts.get("dids"),
        portability=replace(
            parts.get("porting"), file=parts.get("ported") if "ported" in parts.manifest.parts else None
        ),
        numbering=parts.get("numbers"),
        limits=parts.get("limits"),
        bad_callers=parts.get("screening").bad_callers,
        countries=parts.get("countries") if "countries" in parts.manifest.parts else None,
        known_callers=parts.get("screening").known_callers,
        firewall=FirewallRules.of(parts.get("screening").firewall),
        called_lists=lists_of(
            {part: parts.get(part) for part in parts.manifest.parts if part.startswith("listed:")}
        ),
    )
    decks: dict[int, Deck] = {}
    names: dict[int, Names] = {}
    for part in parts.manifest.parts:
        kind, _, number = part.partition(":")
        if kind == "deck":
            decks[int(number)] = parts.get(part)
        elif kind == "names":
            names[int(number)] = parts.get(part)
    return World(parts.manifest.version, tables, decks, names)


class Clock(Protocol):
    """The part of Twisted's reactor that is used here."""

    def seconds(self) -> float:
        """Now, for differences."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: Any) -> Any:
        """Call once, `delay` seconds from now."""


class WorldKeeper:
    """Keeps `world` current: looks at the manifest ten times a second, and swaps one attribute."""

    def __init__(self, reactor: Clock, var: Path, changed: Callable[[World], object] | None = None) -> None:
        self.world: World | None = None
        self._reactor = reactor
        self._folder = var / "world"
        self._changed = changed
        self._seen: tuple[int, int, int] | None = None
        self._parts: Parts | None = None
        self._steps: Generator[None, None, Parts] | None = None
        self._timer: Any = None
        self.longest_step = 0.0  # seconds, of all steps so far

    def start(self) -> None:
        """Load what is there at once, without the reactor, and follow it from then on.

        Without a snapshot `world` stays None until the compiler has written one.
        """
        self._look()
        while self._steps:
            self._step()
        self._again(POLL_SECONDS)

    def stop(self) -> None:
        """Look no more; `world` stays as it is."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._steps = None

    def _again(self, delay: float) -> None:
        self._timer = self._reactor.callLater(delay, self._tick)

    def _tick(self) -> None:
        if self._steps is None:
            self._look()
        until = time.perf_counter() + STEP_SECONDS
        while self._steps and time.perf_counter() < until:
            self._step()
        self._again(REST_SECONDS if self._steps else POLL_SECONDS)

    def _look(self) -> None:
        """Begin to load when the manifest is another file than the one last seen."""
        try:
            found = os.stat(self._folder / MANIFEST)
        except FileNotFoundError:
            return
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            self._seen = seen
            self._steps = load(self._folder, self._parts)

    def _step(self) -> None:
        assert self._steps is not None
        begun = time.perf_counter()
        try:
            next(self._steps)
        except StopIteration as done:
            self._steps = None
            self._swap(done.value)
        except FileNotFoundError as error:
            # A newer manifest has come meanwhile, and the file went with the old one.
            logger.warning("the snapshot changed while it was read (%s): reading it again", error)
            self._steps = self._seen = None
        except (StoreError, DeckError, ListError, PortedError, ValueError, LookupError, TypeError, OSError):
            version = self.world.version if self.world else "none"
            logger.critical("the new snapshot is broken; calls go on by world %s", version, exc_info=True)
            self._steps = None
        self.longest_step = max(self.longest_step, time.perf_counter() - begun)

    def _swap(self, parts: Parts) -> None:
        self._parts = parts
        self.world = parts.world
        assert self.world is not None
        logger.info("world %s is in use", self.world.version)
        if self._changed:
            self._changed(self.world)
