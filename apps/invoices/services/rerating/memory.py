"""What is remembered from one call to the next: who pays by which terms, and what so many seconds cost by them.

Two calls have the same bill when the same account made them to the same place at a time when the same prices held, or two
accounts that have their prices from above in the same way (`office.like`), each for itself. Of the number only so much counts as price lists tell apart: all digits that any prefix goes on with, and how many there are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from apps.invoices.services.priced import Figures, Known
from apps.pricing.engine.deck import Deck
from apps.pricing.engine.price_lists import INBOUND, PriceLists
from apps.pricing.engine.terms import Terms

MOST_PLANS = 200_000
"""About 400 bytes each."""
MOST_PRICES = 400_000
"""About 200 bytes each."""
MOST_STEMS = 200_000
NULL = "\\N"
MILLION = 1_000_000
END, NONE = "|", "~"
"""Behind each column, and in place of NULL: no column has them, for it has digits, names of ours, and a currency's code."""

Key = tuple[int, str, str, int, int, bool, str, str, str, str]


GONE = f"{NONE}{END}" * 14
"""The columns of no price."""


def money_of(one: Figures) -> str:
    """The columns that must differ for a price to be another one (`reckon.MONEY`), as PostgreSQL writes them."""
    recorded = NONE if one.recorded is None else _amount(one.recorded)
    return (
        f"{one.billed_seconds}|{one.currency}|{_amount(one.net)}|{_amount(one.vat)}|{_amount(one.gross)}"
        f"|{_percent(one.vat_rate)}|{recorded}|{one.recorded_currency}|"
    )


def rest_of(one: Figures, tariff: int | None) -> str:
    """The columns that say how the price came about (`reckon.REST`)."""
    listed = NONE if tariff is None else tariff
    return f"{listed}|{one.prefix}|{_amount(one.unit_price)}|{one.billing_step}|{one.seconds}|{one.terms or NONE}|"


def payer_of(kind: str, account_id: int) -> str:
    """Whose price it is, as it stands before its columns."""
    return f"{kind}|{account_id}|"


def _amount(micros: int) -> str:
    """NUMERIC(18, 6)."""
    sign, micros = ("-", -micros) if micros < 0 else ("", micros)
    return f"{sign}{micros // MILLION}.{micros % MILLION:06}"


def _percent(ppm: int) -> str:
    """NUMERIC(5, 2), half up."""
    hundredths = (ppm + 50) // 100
    return f"{hundredths // 100}.{hundredths % 100:02}"


class Share:
    """One account's part of the bill, by terms that do not depend on the hour: so many seconds always cost the same.

    `moneys`: what so many seconds cost (`money_of`), for all shares at the same price. `rest`: the columns of `rest_of`
    before the seconds.
    """

    __slots__ = ("carrier", "kind", "known", "moneys", "payer", "rest")

    def __init__(
        self, kind: str, account_id: int | None, known: Known, moneys: dict[int, str], rest: str
    ) -> None:
        self.known, self.kind, self.carrier, self.moneys = known, kind, kind == "carrier", moneys
        self.rest = rest
        self.payer = payer_of(kind, account_id) if account_id is not None else ""  # nothing: whoever calls


@dataclass(slots=True)
class Plan:
    """Who pays for calls to a place: for what was authorised, and the carrier for what it carried."""

    shares: list[Share]


@dataclass(slots=True)
class Memory:
    """Plans by what they depend on; learns from each price list as it is opened, and forgets all plans then."""

    moments: list[float] = field(default_factory=list)  # at which other prices come into force
    by_caller_number: bool = False  # do tariffs depend on the caller's number?
    short: int = (
        0  # numbers of so many digits or fewer are free or have prices apart: they are looked at one by one
    )
    version: int = 0
    plans: dict[Key, Plan] = field(default_factory=dict)
    tariffs: dict[int, int] = field(default_factory=dict)  # of rates that prices were reckoned by
    _moneys: dict[tuple[object, ...], dict[int, str]] = field(default_factory=dict)
    _known: int = 0
    _stems: dict[str, str] = field(default_factory=dict)
    _prefixes: list[str] = field(default_factory=list)
    _deepest: int = 0
    _period: tuple[int, float, float] = (0, inf, -inf)  # the last one, and its bounds

    @classmethod
    def of(cls, lists: PriceLists, directions: Iterable[str], short: int = 0) -> Memory:
        """`directions`: beginnings of numbers that discounts are for."""
        given = [one for each in lists.assignments.values() for one in each]
        made = cls(by_caller_number=any(one.caller_prefix for one in given), short=short)
        moments = {float(moment) for one in given for moment in (one.valid_from, one.valid_until)}
        moments |= {float(begin) for begins, _units in lists.exchange.values() for begin in begins}
        made._learn(moments, directions)
        return made

    def learn(self, deck: Deck) -> None:
        """Tell apart what this price list tells apart."""
        self._learn(deck.moments(), deck.prefixes())

    def _learn(self, moments: Iterable[float], prefixes: Iterable[str]) -> None:
        self.moments = sorted({*self.moments, *moments})
        self._prefixes = sorted({*self._prefixes, *prefixes})
        self._deepest = max(map(len, self._prefixes), default=0)
        self.version += 1
        self.plans.clear()
        self._stems.clear()
        self._period = 0, inf, -inf

    def stem(self, number: str) -> str:
        """As many digits of a number as some prefix begins with: every prefix of the number is one of the stem."""
        number = number[: self._deepest]
        found = self._stems.get(number)
        if found is None:
            if len(self._stems) >= MOST_STEMS:
                self._stems.clear()
            found = self._stems[number] = self._stem(number)
        return found

    def _stem(self, number: str) -> str:
        place = bisect_right(self._prefixes, number)
        longest = 0
        for prefix in self._prefixes[max(0, place - 1) : place + 1]:
            if not prefix.startswith(number[:longest]):
                continue
            limit = min(len(prefix), len(number))
            while longest < limit and prefix[longest] == number[longest]:
                longest += 1
        return number[:longest]

    def period(self, at: float) -> int:
        """Times with the same number have the same prices in force."""
        place, since, until = self._period
        if not since <= at < until:  # calls come by time: nearly always it is that of the last one
            place = bisect_right(self.moments, at)
            since, until = ((-inf, *self.moments)[place], (*self.moments, inf)[place])
            self._period = place, since, until
        return place

    def key(self, words: Sequence[str], like: int) -> Key | None:
        """What the bill of a call depends on; None: look at it by itself.

        `words`: its fields as `pricing.call_of` has them. `like`: in whose place the caller pays.
        """
        (
            started,
            _answered,
            _carried,
            _paid,
            _caller,
            caller_number,
            called,
            carrier,
            called_account,
            service,
            trunk,
            prefix,
        ) = words
        if len(called) <= self.short or service == INBOUND:  # who is called pays for these, whoever calls
            return None
        return (
            like,
            carrier,
            self.stem(called),
            len(called),
            self.period(float(started)),
            carrier == NULL and called_account != NULL,
            caller_number if self.by_caller_number else "",
            service,
            trunk,
            prefix,
        )

    def moneys(self, terms: Terms) -> dict[int, str]:
        """What is known of the price that such terms have; lists have thousands of prefixes, but few prices."""
        band = terms.bands[0]
        price = (
            band[3:], terms.currency, terms.rounding, terms.decimals, terms.vat_ppm, terms.included_ppm, terms.exchange,
            terms.discount_ppm, terms.surcharge_ppm, terms.recorded,
        )  # fmt: skip
        return self._moneys.setdefault(price, {})

    def money(self, share: Share, seconds: int) -> str:
        """What so many seconds cost the share's account."""
        if self._known >= MOST_PRICES:
            self._known = 0
            for one in self._moneys.values():
                one.clear()
        self._known += 1
        found = share.moneys[seconds] = money_of(share.known.figures(0, seconds))
        return found

    def keep(self, key: Key, plan: Plan) -> None:
        if len(self.plans) >= MOST_PLANS:
            self.plans.clear()
        self.plans[key] = plan
