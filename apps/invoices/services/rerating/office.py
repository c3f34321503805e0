"""Accounts, settings and price lists as the pure engine asks for them: what is in force now, prices as of any day."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

from django.db import connection

from apps.config.snapshot import settings as all_settings
from apps.groups.snapshot import memberships
from apps.invoices.services.rerating.memory import NULL, Memory
from apps.pricing import snapshot as pricing
from apps.pricing.deck_build import copy_deck
from apps.pricing.engine.book import Book, Names, Rates
from apps.pricing.engine.deck import Deck
from apps.pricing.engine.price_lists import NOBODY, PriceLists
from apps.pricing.engine.terms import Terms
from apps.pricing.engine.tolls import Rules
from apps.users import snapshot as users

_RULES = {one.name for one in fields(Rules)}
REMEMBERED = 100_000
"""Terms: of calls to everywhere, at about 2 KB each."""
NO_NAMES: Mapping[int, Names] = {}


class Payer(NamedTuple):
    """An account as prices need it (`apps.pricing.engine.payers.Account`)."""

    id: int
    username: str
    kind: str
    path: tuple[int, ...]
    currency: str
    vat_ppm: int
    payer: int = 0


class Decks(dict[int, Rates]):
    """Price lists by tariff, compiled when they are first asked for; prices of all days are in them. `learn` is told each."""

    def __init__(self, folder: Path, learn: Callable[[Deck], None]) -> None:
        super().__init__()
        self._folder, self._learn = folder, learn

    def get(self, tariff: int, default: Any = None) -> Any:
        found = super().get(tariff)
        if found is None:
            path = self._folder / f"{tariff}.deck"
            with connection.cursor() as cursor:
                copy_deck(cast(Any, cursor), tariff, path)
            deck = Deck.open(path)
            self._learn(deck)
            found = self[tariff] = deck
        return found


class PriceOffice(Book):
    """One state of the office, as re-rating asks it."""

    remembered = REMEMBERED

    def __init__(self, folder: Path) -> None:
        self.settings = Rules(**{key: one for key, one in all_settings().items() if key in _RULES})
        overrides = [row for row in users.overrides() if row[1] in _RULES]
        lists = PriceLists()
        for section, rows in (
            ("tariffs", pricing.tariffs()),
            ("assignments", pricing.assignments()),
            ("windows", pricing.windows()),
            ("calendars", pricing.calendars()),
            ("exchange", pricing.exchange_rates()),
        ):
            lists.take(section, rows)
        directions = [value for _account, key, value in overrides if key.startswith("direction")]
        directions += [self.settings.direction1, self.settings.direction2, self.settings.direction3]
        short = max(self.settings.freenumlen, self.settings.billshortnumlength)
        self.memory = Memory.of(lists, directions, short)
        super().__init__(
            lists,
            Decks(folder, self.memory.learn),
            NO_NAMES,
            currency=self.settings.currency,
            recording=self.settings.currencyconversion,
        )
        self._accounts = {
            row[0]: Payer(row[0], row[1], row[2], tuple(row[3]), row[6], row[7], row[14])
            for row in users.accounts()
        }
        self._named: dict[str, Payer] | None = None
        self._groups: dict[int, list[int]] = {}
        for account, group in memberships():
            self._groups.setdefault(account, []).append(group)
        self._own: dict[int, dict[str, Any]] = {}
        for account, key, value in overrides:
            self._own.setdefault(account, {})[key] = value
        self._settings: dict[int, Rules] = {}
        self._given = {account for account, _kind, _service in lists.assignments}
        self._given |= {one.caller for each in lists.assignments.values() for one in each}
        self._likes: dict[str, int] = {}
        self._first: dict[tuple[object, ...], int] = {}

    def _kept(self, key: tuple[object, ...], terms: Terms) -> Terms:
        """Terms that are new also say of which tariff their rates are."""
        if isinstance(key[0], int):
            self.memory.tariffs.update((band.rate_id, key[0]) for band in terms.bands)
        return super()._kept(key, terms)

    def account(self, account_id: int) -> Payer | None:
        """Whoever has this id."""
        return self._accounts.get(account_id)

    def groups_of(self, account: Payer) -> frozenset[int]:
        """The groups that hold the account: it was put in, or somebody above it."""
        if not self._groups:
            return NOBODY
        return frozenset(group for one in account.path for group in self._groups.get(one, ()))

    def like(self, caller: str) -> int:
        """The account in whose place this one pays: itself, or one that has all from the same account above it, as it has."""
        found = self._likes.get(caller)
        if found is None:
            found = self._likes[caller] = 0 if caller == NULL else self._like(int(caller))
        return found

    def _like(self, account_id: int) -> int:
        one = self._accounts.get(account_id)
        if one is None or any(account_id in each for each in (self._given, self._own, self._groups)):
            return account_id
        traits = one.path[:-1], one.kind, one.currency, one.vat_ppm, one.payer
        return self._first.setdefault(traits, account_id)

    def named(self, username: str) -> Payer | None:
        """The account with this user name."""
        if self._named is None:
            self._named = {one.username: one for one in self._accounts.values()}
        return self._named.get(username)

    def settings_of(self, account: Any) -> Rules:
        """The settings as they hold for the account: its own values, else the nearest above it, else everybody's."""
        if not self._own:
            return self.settings
        found = self._settings.get(account.id)
        if found is None:
            own: dict[str, Any] = {}
            for one in account.path:
                own |= self._own.get(one, {})
            found = self._settings[account.id] = replace(self.settings, **own) if own else self.settings
        return found


@contextmanager
def opened() -> Iterator[PriceOffice]:
    """The office as it is now; its compiled price lists are gone afterwards."""
    with TemporaryDirectory(prefix="mizu-rerating-") as folder:
        yield PriceOffice(Path(folder))
