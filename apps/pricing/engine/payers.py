"""Who pays for a call, and by which terms: one rule for the switch, which asks before the call, and for re-rating after it.

Pure: an `Office` answers what accounts, settings and price lists there are, and the time is a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from apps.pricing.engine.price_lists import INBOUND, SMS, VOICE, Given, Origin, Tariff
from apps.pricing.engine.reductions import commission_share
from apps.pricing.engine.terms import MILLION, Terms
from apps.pricing.engine.tolls import Rules, discount, fixed_price, is_free, ppm, priced_number

RECKONED = ("sales", "company")
"""Prices that are written into the call record, but paid by nobody while the call runs."""


class Account(Protocol):
    """An account, as far as prices need to know it: ids from the top of the tree down to itself."""

    @property
    def id(self) -> int: ...
    @property
    def username(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> tuple[int, ...]: ...
    @property
    def currency(self) -> str: ...
    @property
    def vat_ppm(self) -> int: ...
    @property
    def payer(self) -> int:
        """The account that pays for its calls; 0: it does."""


class Office(Protocol):
    """Whoever knows the accounts, their settings and the price lists (`Book`)."""

    @property
    def settings(self) -> Rules:
        """Everybody's."""

    def account(self, account_id: int) -> Account | None: ...
    def named(self, username: str) -> Account | None: ...
    def settings_of(self, account: Account) -> Rules: ...
    def tariff(self, payer: Account, kind: str, origin: Origin, at: float) -> Given | None: ...
    def terms(
        self,
        given: Given,
        number: str,
        at: float,
        *,
        currency: str,
        vat_ppm: int,
        discount_ppm: int = 0,
        surcharge_ppm: int = 0,
    ) -> Terms | str: ...
    def fixed(self, price: str, at: float, *, currency: str, vat_ppm: int) -> Terms | str: ...
    def destination(self, tariff: Tariff, terms: Terms) -> str: ...


class Payer(NamedTuple):
    """Somebody who pays for the call while it runs, and by which terms. `terms` is in the payer's currency."""

    account_id: int
    kind: str  # "retail" | "reseller"; while it runs also "packet": an allowance pays in place of the account
    terms: Terms


class Commission(NamedTuple):
    """A share of the profit, which is known once the call has been carried: of `terms`, the list price, less the cost.

    Both are in the installation's currency.
    """

    account_id: int  # the sales person
    share_ppm: int
    reduction_ppm: int  # what it granted of the list price
    terms: Terms


class Question(NamedTuple):
    """A call whose price is asked for; numbers are normalised."""

    caller: Account
    origin: Origin
    called: str
    at: float
    inside: bool = False  # a subscriber of ours is called
    service: bool = False  # a code for the switch itself was dialled
    callee: Account | None = None  # the account of ours that is called, which may pay instead


@dataclass(slots=True)
class Bill:
    """Who pays what for a call. `refused` says why the call has no price: then nobody may pay it."""

    billing: Account  # who pays the retail price
    reseller_id: int | None = None  # the top one: its price is what the call brings the house (guide 7188)
    payers: list[Payer] = field(default_factory=list)
    reckoned: list[tuple[str, int, Terms]] = field(default_factory=list)  # kind, account, terms
    commission: Commission | None = None
    destination: str = ""
    notes: list[str] = field(default_factory=list)
    refused: str = ""
    by_callee: bool = False  # the called account pays, and those above it; the caller does not


def who_pays(office: Office, asked: Question) -> Bill:
    """The payers of a call and their terms.

    0. A call to an account that was given a tariff for calls at its own charge is paid by that account and the resellers
       above it, as if it had called. Else a call that stays inside, and a short number with a fixed price, cost what the
       settings say: nothing, or a price that the caller alone pays.
    1. The retail price is that of the caller's price list. The caller pays it; an extension's, the subscriber that it belongs to;
       where that one has a payer elsewhere in the tree, the payer, who stands below the same resellers (guide 1509-1513).
    2. Every reseller above pays by its own reseller tariff: without one the call would be a gift, so it is refused. Who
       pays early has paid when it gave its customers credit (`defearlypay`).
    3. Sales and company prices are noted where such a tariff is given to somebody on the way up. Without a sales tariff
       the sales person who brought the account earns its commission of the list price.
    """
    if asked.callee is not None and not asked.service and asked.origin.service == VOICE:
        by_callee = _callee_pays(office, asked, asked.callee)
        if by_callee is not None:
            return by_callee
    caller = asked.caller
    bill, resellers = _opened(office, caller)
    billing = bill.billing
    if asked.service:
        bill.refused = ""
        return bill
    if bill.refused:
        return bill
    settings = office.settings_of(caller)
    if asked.origin.service == SMS:
        bill.refused = _message(office, asked, bill, resellers)
        return bill
    if asked.inside:
        price, what = settings.internal_endusercost, "a call between our subscribers"
        bill.refused = _outside_lists(office, asked, bill, billing, price, what)
        return bill
    if is_free(asked.called, settings):
        bill.notes.append(f"Nobody pays for a number of {len(asked.called)} digits.")
        return bill
    fixed = fixed_price(asked.called, settings, settings.shortnum_endusercost)
    if fixed:
        what = f"a short number of {len(asked.called)} digits"
        bill.refused = _outside_lists(office, asked, bill, billing, fixed, what)
        return bill
    bill.refused = _pays(office, asked, bill, billing, "retail", caller) or _resellers_pay(
        office, asked, bill, resellers
    )
    for kind in () if bill.refused else RECKONED:
        _reckon(office, asked, bill, kind)
    return bill


def _opened(office: Office, account: Account) -> tuple[Bill, list[Account]]:
    """A bill for the account's price, and the resellers above it, the nearest first; refused if nobody knows its payer."""
    found = [office.account(account_id) for account_id in reversed(account.path)]
    chain = [one for one in found if one is not None]
    own = next((one for one in chain if one.kind != "extension"), account)
    billing = office.account(own.payer) if own.payer else own
    resellers = [one for one in chain if one.kind == "reseller" and one.id != own.id]
    bill = Bill(billing or own, resellers[-1].id if resellers else None)
    if billing is None:
        bill.refused = f"the account that pays for {own.username} is not known"
    return bill, resellers


def _resellers_pay(office: Office, asked: Question, bill: Bill, resellers: list[Account]) -> str:
    """Adds those that pay call by call; answers why one cannot, or nothing."""
    for reseller in resellers:
        if pays_early(office.settings_of(reseller)):
            bill.notes.append(f"{reseller.username} has paid for it when it gave credit.")
        elif refused := _pays(office, asked, bill, reseller, "reseller", reseller):
            return refused
    return ""


def _callee_pays(office: Office, asked: Question, callee: Account) -> Bill | None:
    """The bill of a call that the called account pays for (guide 12769-12774); None: it does not pay for this one."""
    origin = asked.origin._replace(service=INBOUND)
    given = office.tariff(callee, "retail", origin, asked.at)
    if given is None:
        return None
    asked = asked._replace(caller=callee, origin=origin)
    bill, resellers = _opened(office, callee)
    if bill.refused:
        return bill
    if isinstance(_terms(office, asked, office.settings_of(callee), given, bill.billing), str):
        return None  # its list has no price for this number of the account: the caller's affair
    bill.by_callee = True
    bill.notes.append(f"{callee.username} pays for calls to it.")
    bill.refused = _pays(office, asked, bill, bill.billing, "retail", callee) or _resellers_pay(
        office, asked, bill, resellers
    )
    return bill


def _message(office: Office, asked: Question, bill: Bill, resellers: list[Account]) -> str:
    """Who pays for a message: the sender by its tariff for messages, else what the setting `smsprice` says (guide 6846-6852).

    A message goes to an account of ours and costs the house nothing: a reseller without a tariff for messages pays nothing.
    """
    refused = _pays(office, asked, bill, bill.billing, "retail", asked.caller)
    for reseller in resellers:
        if office.tariff(reseller, "reseller", asked.origin, asked.at) and not pays_early(
            office.settings_of(reseller)
        ):
            refused = refused or _pays(office, asked, bill, reseller, "reseller", reseller)
    for kind in () if refused else RECKONED:
        if office.tariff(asked.caller, kind, asked.origin, asked.at):
            _reckon(office, asked, bill, kind)
    return refused


def pays_early(settings: Rules) -> bool:
    """Whether a reseller with such settings pays for its customers' credit, and not for their calls (guide 7199-7223)."""
    return settings.defearlypay == 2 or (settings.defearlypay == 0 and settings.earlypay)


def carrier_terms(office: Office, carrier: Account, called: str, origin: Origin, at: float) -> Terms | str:
    """By which terms the carrier charges for a call, in the installation's currency, or why it has no price."""
    settings = office.settings
    currency = settings.currency
    fixed = fixed_price(called, settings, settings.shortnum_providercost)
    if fixed:
        return office.fixed(fixed, at, currency=currency, vat_ppm=0)
    tariff = office.tariff(carrier, "carrier", origin, at)
    number = priced_number(called, settings)
    terms = (
        office.terms(tariff, number, at, currency=currency, vat_ppm=0)
        if tariff
        else "it has no carrier tariff"
    )
    if isinstance(terms, str) and settings.defaultproviderprice:
        return office.fixed(settings.defaultproviderprice, at, currency=currency, vat_ppm=0)
    return terms


def _outside_lists(office: Office, asked: Question, bill: Bill, payer: Account, price: str, what: str) -> str:
    """Lets the payer pay a price per minute that the settings give such calls; answers why that cannot be, or nothing."""
    if not Decimal(price):
        bill.notes.append(f"Nobody pays for {what}.")
        return ""
    terms = office.fixed(price, asked.at, currency=payer.currency, vat_ppm=payer.vat_ppm)
    if isinstance(terms, str):
        return f"{payer.username} cannot pay for {what}: {terms}"
    bill.payers.append(Payer(payer.id, "retail", terms))
    bill.notes.append(f"{payer.username} pays {price} {office.settings.currency} a minute for {what}.")
    return ""


def _pays(office: Office, asked: Question, bill: Bill, payer: Account, kind: str, by: Account) -> str:
    """Adds a payer; answers why that cannot be, or nothing. `by` is the account whose tariff it is."""
    found = office.tariff(by, kind, asked.origin, asked.at)
    settings = office.settings_of(asked.caller)
    off = discount(asked.called, settings) if kind == "retail" else 0
    more = _surcharge(office, kind, by)
    terms = (
        _terms(office, asked, settings, found, payer, off, more)
        if found
        else f"{by.username} has no {kind} tariff"
    )
    if isinstance(terms, str):
        message = asked.origin.service == SMS
        default = settings.smsprice if message else settings.defaultenduserprice
        if kind != "retail" or not default:
            return f"{payer.username} cannot pay the {kind} price: {terms}" if found else terms
        if message:
            bill.notes.append(
                f"No {kind} price: {terms}. A message counts as a minute of the setting smsprice."
            )
            return _outside_lists(office, asked, bill, payer, default, "a message without a price in a list")
        bill.notes.append(f"No {kind} price: {terms}. The setting defaultenduserprice has one.")
        return _outside_lists(office, asked, bill, payer, default, "a call without a price in a list")
    assert found is not None
    if kind == "retail":
        bill.destination = office.destination(found.tariff, terms)
    bill.payers.append(Payer(payer.id, kind, terms))
    less = f", less {Decimal(off) / 10_000:f} %" if off else ""
    less += f", and a surcharge of {Decimal(more) / 10_000:f} %" if more else ""
    bill.notes.append(
        f"{payer.username} pays the {kind} price of tariff {found.tariff.name}, prefix {terms.bands[0].prefix or '*'}{said(found.because)}{less}."
    )
    return ""


def _surcharge(office: Office, kind: str, by: Account) -> int:
    """What comes on top of the price that the account pays, millionths; of resellers' prices only where that is said."""
    settings = office.settings_of(by)
    return ppm(settings.accountsurcharge) if kind == "retail" or settings.accountsurcharge_resellers else 0


def _reckon(office: Office, asked: Question, bill: Bill, kind: str) -> None:
    found = office.tariff(asked.caller, kind, asked.origin, asked.at)
    if found is None:
        if kind == "sales":
            _commission(office, asked, bill)
        return
    holder = office.account(found.holder)
    if holder is None:
        return
    terms = _terms(office, asked, office.settings_of(asked.caller), found, holder)
    if isinstance(terms, str):
        bill.notes.append(f"No {kind} price: {terms}.")
        return
    bill.reckoned.append((kind, holder.id, terms))
    bill.notes.append(f"The {kind} price is that of tariff {found.tariff.name}{said(found.because)}.")


def _commission(office: Office, asked: Question, bill: Bill) -> None:
    """What the sales person who brought the account earns: of the list price, or of the profit that it leaves."""
    settings = office.settings_of(asked.caller)
    seller = office.named(settings.addedby) if settings.addedby else None
    found = office.tariff(asked.caller, "retail", asked.origin, asked.at) if seller else None
    if seller is None or found is None:
        return
    earned, granted = ppm(office.settings_of(seller).commission), ppm(settings.reduction)
    from_profit = settings.salescomissionfromprofit
    share = earned if from_profit else commission_share(earned, granted)
    if not share:
        return
    terms = office.terms(
        found,
        priced_number(asked.called, settings),
        asked.at,
        currency=settings.currency if from_profit else seller.currency,
        vat_ppm=0,
        discount_ppm=0 if from_profit else MILLION - share,
    )
    percent = f"{Decimal(share) / 10_000:f} %"
    if isinstance(terms, str):
        bill.notes.append(f"No commission for {seller.username}: {terms}.")
    elif from_profit:
        bill.commission = Commission(seller.id, share, granted, terms)
        bill.notes.append(f"{seller.username} earns {percent} of the profit.")
    else:
        bill.reckoned.append(("sales", seller.id, terms))
        bill.notes.append(f"{seller.username} earns {percent} of the list price.")


def _terms(
    office: Office,
    asked: Question,
    settings: Rules,
    given: Given,
    payer: Account,
    discount_ppm: int = 0,
    surcharge_ppm: int = 0,
) -> Terms | str:
    return office.terms(
        given,
        priced_number(asked.called, settings),
        asked.at,
        currency=payer.currency,
        vat_ppm=payer.vat_ppm,
        discount_ppm=discount_ppm,
        surcharge_ppm=surcharge_ppm,
    )


def said(because: tuple[tuple[str, str], ...]) -> str:
    """The conditions of a tariff as they stand in a trace: `, for caller_group "Wholesale"`; "": it has none."""
    return "".join(f', for {what} "{which}"' for what, which in because)
