"""The prices of one call by the office as it is now: no database but for price lists that were not asked for yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from apps.invoices.services.priced import Figures, Known
from apps.invoices.services.rated import commission
from apps.invoices.services.rerating.memory import (
    END,
    GONE,
    NULL,
    Plan,
    Share,
    money_of,
    payer_of,
    rest_of,
)
from apps.invoices.services.rerating.office import REMEMBERED, Payer, PriceOffice
from apps.pricing.engine import Terms
from apps.pricing.engine.payers import Commission, Question, carrier_terms, who_pays
from apps.pricing.engine.price_lists import INBOUND, VOICE, Origin


class Call(NamedTuple):
    """A call as its record has it; times are epoch seconds. `paid` seconds: of those who pay, `duration` the carrier's."""

    started: float
    answered: float
    duration: int
    paid: int
    caller_id: int | None
    caller_number: str
    called_number: str  # empty: a code for the switch itself was dialled
    carrier_id: int | None
    called_account_id: int | None
    service: str = VOICE
    trunk_id: int | None = None  # that brought the call, where the caller is known by its number
    tech_prefix: str = ""


def call_of(words: Sequence[str]) -> Call:
    """A call from the fields that COPY wrote."""
    (
        started,
        answered,
        duration,
        paid,
        caller,
        caller_number,
        called_number,
        carrier,
        called_account,
        service,
        trunk,
        prefix,
    ) = words
    return Call(
        float(started),
        float(answered),
        int(duration),
        int(paid),
        None if caller == NULL else int(caller),
        caller_number,
        called_number,
        None if carrier == NULL else int(carrier),
        None if called_account == NULL else int(called_account),
        service,
        None if trunk == NULL else int(trunk),
        prefix,
    )


class Price(NamedTuple):
    """One price of a call: see `CdrPrice`."""

    kind: str
    account_id: int
    figures: Figures


class NoPrice(Exception):
    """The call cannot be priced by what is in force now; the message says why."""


class Found(NamedTuple):
    """What a call costs whom, by which terms."""

    payers: list[tuple[str, int, Terms]]  # kind, account
    carrier: tuple[int, Terms] | None
    commission: Commission | None


class Change(NamedTuple):
    """Another price: whose, and its columns as they were and as they are (`GONE`: there is none), as `memory` writes them."""

    payer: str
    old: str
    new: str


BETWEEN = ";"
UNCHANGED: list[Change] = []
New = tuple[str, str, str]
"""Whose price, the columns of its money, and the rest."""


class Pricer:
    """Prices call after call; `terms` are those that prices were reckoned by since they were last stored."""

    def __init__(self, office: PriceOffice) -> None:
        self.office = office
        self.terms: dict[str, Known] = {}
        self._known: dict[int, Known] = {}

    def changes(self, words: Sequence[str], old: str) -> list[Change]:
        """What is other than it was of a call's prices. Raises NoPrice.

        `words`: the call's fields as COPY writes them. `old`: of each price that it has, the payer and its columns, each
        with an `END`, and a semicolon between two prices; by kind and account is quickest.
        """
        memory, caller = self.office.memory, words[4]
        key = memory.key(words, self.office.like(caller))
        plan = memory.plans.get(key) if key else None
        if plan is None:
            version, call = memory.version, call_of(words)
            found = self._found(call)
            plan = self._plan(found, call.caller_id)
            if plan is None:
                return _changes(self._singly(call, found), old)
            if key and version == memory.version:  # else a price list came in that tells more places apart
                memory.keep(key, plan)
        carried, paid = int(words[2]), int(words[3])
        was = old.split(BETWEEN)
        if len(was) == len(plan.shares):
            for one, share in zip(was, plan.shares, strict=True):
                seconds = carried if share.carrier else paid
                money = share.moneys.get(seconds) or memory.money(share, seconds)
                if not one.startswith((share.payer or f"{share.kind}{END}{caller}{END}") + money):
                    break
            else:
                return UNCHANGED
        return _changes(self._planned(plan, caller, carried, paid), old)

    def _planned(self, plan: Plan, caller: str, carried: int, paid: int) -> Iterator[New]:
        memory = self.office.memory
        for share in plan.shares:
            self.terms[share.known.id] = share.known
            seconds = carried if share.carrier else paid
            money = share.moneys.get(seconds) or memory.money(share, seconds)
            payer = share.payer or f"{share.kind}{END}{caller}{END}"
            yield payer, money, f"{share.rest}{seconds}{END}{share.known.id}{END}"

    def _singly(self, call: Call, found: Found) -> Iterator[New]:
        for kind, account, one in self._prices(call, found):
            yield (
                payer_of(kind, account),
                money_of(one),
                rest_of(one, self.office.memory.tariffs.get(one.rate_id)),
            )

    def prices(self, call: Call) -> list[Price]:
        """All prices of the call. Raises NoPrice."""
        return self._prices(call, self._found(call))

    def _found(self, call: Call) -> Found:
        office = self.office
        caller = office.account(call.caller_id) if call.caller_id is not None else None
        if caller is None:
            raise NoPrice("nobody knows who called")
        origin = self._origin(caller, call)
        paid_by = office.account(call.called_account_id) if call.service == INBOUND else None
        bill = who_pays(
            office,
            Question(
                caller,
                origin,
                call.called_number,
                call.started,
                inside=call.carrier_id is None and call.called_account_id is not None,
                service=not call.called_number,
                callee=paid_by,
            ),
        )
        if call.service == INBOUND and not bill.by_callee:
            raise NoPrice("the called account no longer pays for such calls")
        if bill.refused:
            raise NoPrice(bill.refused)
        payers = [(kind, account, terms) for account, kind, terms in bill.payers]
        carrier = (
            None
            if call.carrier_id is None
            else (call.carrier_id, self._carrier(call, call.carrier_id, origin))
        )
        return Found([*payers, *bill.reckoned], carrier, bill.commission)

    def _prices(self, call: Call, by: Found) -> list[Price]:
        answered, paid = call.answered, call.paid
        found = [
            Price(kind, account, self._by(terms).figures(answered, paid))
            for kind, account, terms in by.payers
        ]
        cost = 0
        if by.carrier:
            account, terms = by.carrier
            found.append(Price("carrier", account, self._by(terms).figures(answered, call.duration)))
            cost = found[-1].figures.net
        if by.commission:
            seller, share, reduction, terms = by.commission
            listed = Known(terms).figures(answered, paid)
            found.append(Price("sales", seller, commission(listed, cost, share, reduction)))
        return found

    def _plan(self, by: Found, caller: int | None) -> Plan | None:
        """What holds for other calls to the place as well; None where the hour matters, or what another one pays."""
        every = [*by.payers, *([("carrier", *by.carrier)] if by.carrier else [])]
        if by.commission or any(terms.bands[0].window is not None for _kind, _account, terms in every):
            return None
        every.sort(key=lambda one: one[:2])
        memory, shares = self.office.memory, []
        for kind, account, terms in every:
            known = self._by(terms)
            one = known.figures(0, 0)
            rest = rest_of(one, memory.tariffs.get(one.rate_id)).split(END)
            own = account == caller and kind != "carrier"
            shares.append(
                Share(kind, None if own else account, known, memory.moneys(terms), END.join(rest[:4]) + END)
            )
        return Plan(shares)

    def _origin(self, caller: Payer, call: Call) -> Origin:
        callers = caller.path if call.trunk_id is None else (*caller.path, call.trunk_id)
        groups = self.office.groups_of(caller)
        service = VOICE if call.service == INBOUND else call.service
        return Origin(call.caller_number, service, callers, groups, call.tech_prefix)

    def _carrier(self, call: Call, carrier_id: int, origin: Origin) -> Terms:
        carrier: Payer | None = self.office.account(carrier_id)
        if carrier is None:
            raise NoPrice("nobody knows the carrier")
        terms = carrier_terms(self.office, carrier, call.called_number, origin, call.started)
        if isinstance(terms, str):
            raise NoPrice(f"{carrier.username}: {terms}")
        return terms

    def _by(self, terms: Terms) -> Known:
        """What is known of the book's own terms; it keeps them alive, so that no others take their id."""
        found = self._known.get(id(terms))
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[id(terms)] = Known(terms)
        self.terms[found.id] = found
        return found


def _changes(new: Iterable[New], old: str) -> list[Change]:
    was = dict(map(_parted, old.split(BETWEEN))) if old else {}
    found = []
    for payer, money, rest in new:
        before = was.pop(payer, "")
        if not before.startswith(money):
            found.append(Change(payer, before or GONE, money + rest))
    return found + [Change(payer, before, GONE) for payer, before in was.items()]


def _parted(price: str) -> tuple[str, str]:
    """The payer, and the columns after it."""
    kind, account, columns = price.split(END, 2)
    return f"{kind}{END}{account}{END}", columns
