"""Giving numbers to accounts and taking them back, with the fees that are owed for them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.dids.models import Did, Holding, State
from apps.dids.services.stock import free, locked
from apps.invoices.models import Fee
from apps.invoices.models.fees import MONTHLY, ONCE
from apps.invoices.services import fees
from apps.pricing.errors import NotConvertible
from apps.pricing.queries import in_currency
from apps.users.choices import Kind
from apps.users.models import Account, SipCredential
from apps.users.queries import billing_account, setting_of

logger = logging.getLogger(__name__)

#: Who can be called at a number: whoever has phones, and trunks that calls are sent to.
HOLDERS = (Kind.SUBSCRIBER, Kind.EXTENSION, Kind.AGENT, Kind.CUSTOMER_TRUNK, Kind.CARRIER)


@transaction.atomic
def assign(
    *,
    did: Did,
    account: Account,
    reservation: str = "",
    beside_others: bool = False,
    must_pay: bool = False,
    now: datetime | None = None,
) -> Holding:
    """Give the account a number; its fees begin today.

    `reservation`: of a number that is kept for who has this key. `beside_others`: the number may belong to
    somebody already, then calls to it go to the best of them. `must_pay`: refused unless the set-up fee and the
    first month can be taken now.
    """
    now = now or timezone.now()
    stored = locked(did)
    if account.kind not in HOLDERS:
        raise ValidationError({"account": _("An account of this kind cannot be called.")})
    if stored.company is not None and not account.path.startswith(stored.company.path):
        raise ValidationError({"account": _("The number is not for accounts outside its company.")})
    if refusal := _taken(stored, account, reservation, beside_others, now):
        raise ValidationError({"did": refusal})
    if SipCredential.objects.filter(username=stored.number).exclude(account=account).exists():
        raise ValidationError({"did": _("Another account has this number as its user name.")})
    free(stored, State.ASSIGNED)
    stored.last_account, stored.assigned_at = account, now
    stored.save()
    last = account.did_holdings.filter(until=None).aggregate(last=Max("place"))["last"] or 0
    holding = Holding(did=stored, account=account, place=last + 1, since=now)
    payer = billing_account(account)
    if payer.kind != Kind.CARRIER:
        holding.setup = _fee(stored, payer, stored.setup_fee, ONCE, now)
        holding.monthly = _fee(stored, payer, stored.monthly_fee, MONTHLY, now)
    holding.full_clean()
    holding.save()
    for fee in (holding.setup, holding.monthly):
        if fee is not None and not fees.charge(fee=fee, now=now) and must_pay:
            raise ValidationError({"did": _("Your balance does not cover the fee of this number.")})
    did.refresh_from_db()
    return holding


def _taken(did: Did, account: Account, reservation: str, beside_others: bool, now: datetime) -> str:
    """Why the account cannot have the number; "": it can."""
    if did.state == State.FREE:
        return ""
    if did.state == State.RESERVED:
        kept = did.reserved_until is not None and did.reserved_until > now
        mine = did.reserved_for_id == account.pk or (
            did.reservation and did.reservation == reservation and did.reserved_for_id is None
        )
        return "" if mine or not kept else _("%(number)s is kept for somebody else.") % {"number": did}
    if did.state == State.ASSIGNED:
        if did.holdings.filter(account=account, until=None).exists():
            return _("The account has %(number)s already.") % {"number": did}
        return "" if beside_others else _("%(number)s belongs to somebody else.") % {"number": did}
    return _("%(number)s is %(state)s.") % {"number": did, "state": did.get_state_display()}


def _fee(did: Did, payer: Account, net: Decimal, interval: int, now: datetime) -> Fee | None:
    if not net:
        return None
    today = _today(payer, now)
    try:
        amount = in_currency(net, did.currency, payer.currency, today)
    except NotConvertible as error:
        raise ValidationError({"did": str(error)}) from error
    title = _("Number %(number)s, set-up") if interval == ONCE else _("Number %(number)s")
    return fees.open_fee(
        account=payer, name=title % {"number": did}, net=amount, interval=interval, begins_on=today
    )


@transaction.atomic
def release(*, holding: Holding, now: datetime | None = None) -> None:
    """Take the number back. What was charged stays charged; the monthly fee is not charged again.

    A number that nobody has any more rests for `did_quarantine_days`: only its last holder may take it again.
    """
    now = now or timezone.now()
    stored = locked(holding.did)
    row = (
        Holding.objects.select_for_update(of=("self",))
        .select_related("account", "monthly")
        .get(pk=holding.pk)
    )
    if row.until is not None:
        return
    row.until = now
    row.save(update_fields=["until"])
    if row.monthly is not None:
        today = _today(row.monthly.account, now)
        last = max(today, row.monthly.begins_on + timedelta(days=1))
        fees.change_fee(fee=row.monthly, ends_on=last)
    if not stored.holdings.filter(until=None).exists():
        _rest(stored, row.account, now)
    holding.refresh_from_db()


def _rest(did: Did, last: Account, now: datetime) -> None:
    free(did)
    days = int(config.get("did_quarantine_days"))
    if days:
        did.state, did.reserved_for, did.reserved_until = State.RESERVED, last, now + timedelta(days=days)
    did.last_account = last
    did.save()


def release_unpaid(*, now: datetime) -> int:
    """Take back numbers whose monthly fee has waited for longer than `did_unpaid_days`; how many."""
    number = 0
    rows = Holding.objects.filter(until=None, monthly__isnull=False).select_related(
        "account", "did", "monthly__account"
    )
    for holding in rows.iterator(chunk_size=1000):
        try:
            days = int(setting_of(holding.account, "did_unpaid_days"))  # type: ignore[arg-type]
            waiting = next(_unpaid(holding, now), None) if days else None
            if waiting is not None and _today(holding.account, now) - waiting >= timedelta(days=days):
                release(holding=holding, now=now)
                number += 1
        except Exception:
            logger.exception("%s could not be taken back", holding)  # the others go on
    return number


def _unpaid(holding: Holding, now: datetime) -> Iterator[date]:
    """The days on which the monthly fee was due and could not be taken, the first one first."""
    fee = holding.monthly
    assert fee is not None
    done = set(fee.charges.filter(is_return=False).values_list("due_on", flat=True))
    return (due for due, _until in fees.periods(fee, _today(fee.account, now)) if due not in done)


def first_number(account: Account) -> str:
    """The number that the account shows: the first of those that it has; "" when it has none."""
    row = account.did_holdings.filter(until=None).select_related("did").order_by("place", "id").first()
    return row.did.number if row else ""


def _today(account: Account, now: datetime) -> date:
    return now.astimezone(ZoneInfo(account.time_zone)).date()
