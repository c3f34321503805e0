"""What accounts have used of their days and months, and what follows from it: who may talk no more, and limits that grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from apps.config import queries as config
from apps.config.models import Setting
from apps.invoices.models import Growth, Usage, UsedUp
from apps.invoices.services import holds
from apps.invoices.services.rated import Use
from apps.users.models import Account, AccountSetting
from apps.users.queries import path_ids
from apps.users.services import set_own

DAY, MONTH = "maxslperday", "maxslpermonth"


def note(*, uses: Sequence[Use]) -> None:
    """Add what ended calls have used, and tell the switch whose time is used up. Within the transaction that settles them."""
    if not uses:
        return
    with connection.cursor() as cursor:
        cursor.execute(holds.NOTE_USAGE, tuple(map(holds.array, zip(*uses, strict=True))))
    _find_used_up({use.account_id for use in uses if use.seconds})


def _find_used_up(accounts: set[int]) -> None:
    own = list(AccountSetting.objects.filter(key__in=(DAY, MONTH)).values_list("account_id", "key", "value"))
    if not own and not Setting.objects.filter(key__in=(DAY, MONTH)).exists():
        return  # the usual case
    given = {(account, key): int(value) for account, key, value in own if value.isdigit()}
    everybody = {key: int(config.get(key)) for key in (DAY, MONTH)}
    for account in Account.objects.filter(pk__in=accounts):
        path = path_ids(account)
        for key in (DAY, MONTH):
            most = next((given[one, key] for one in reversed(path) if (one, key) in given), everybody[key])
            if most:
                _used_up(account, key, most)


def _used_up(account: Account, key: str, most: int) -> None:
    begin, end = span(timezone.now(), account.time_zone, key == MONTH)
    used = Usage.objects.filter(account=account, day__gte=begin).aggregate(all=Sum("seconds"))["all"] or 0
    if used >= most:
        until = datetime(end.year, end.month, end.day, tzinfo=ZoneInfo(account.time_zone))
        UsedUp.objects.update_or_create(account=account, key=key, defaults={"seconds": used, "until": until})


def span(now: datetime, zone: str, month: bool) -> tuple[date, date]:
    """The day, or the calendar month, of that zone: its first day, and the first one after it."""
    today = now.astimezone(ZoneInfo(zone)).date()
    if not month:
        return today, today + timedelta(days=1)
    first = today.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def grow(*, now: datetime) -> int:
    """Let monthly limits grow of accounts that were active last month; how many did. Again for the same month: nothing.

    Only the account's own `maxmonthlycredit` grows, by its `maxmonthlycreditinc`, up to its `maxmonthlycreditend`
    (guide 1852-1858, 8993-9004).
    """
    return sum(_grow(account, now) for account in _with_own_limit())


def _with_own_limit() -> Iterator[Account]:
    own = AccountSetting.objects.filter(key="maxmonthlycredit").exclude(value__in=("", "0"))
    yield from Account.objects.filter(pk__in=own.values("account_id")).order_by("pk")


@transaction.atomic
def _grow(account: Account, now: datetime) -> bool:
    from apps.users.queries import setting_of

    this_month, _ = span(now, account.time_zone, True)
    last_month = (this_month - timedelta(days=1)).replace(day=1)
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    active = Usage.objects.filter(
        account=account, day__gte=last_month, day__lt=this_month, spent__gt=0
    ).exists()
    if not active or Growth.objects.filter(account=account, month=last_month).exists():
        return False
    before, step, end = (
        Decimal(str(setting_of(account, key)) or "0")
        for key in ("maxmonthlycredit", "maxmonthlycreditinc", "maxmonthlycreditend")
    )
    after = before + step
    if end:
        after = max(before, min(after, end))
    if after == before:
        return False
    set_own(account=account, key="maxmonthlycredit", value=f"{after.normalize():f}")
    Growth.objects.create(account=account, month=last_month, before=before, after=after)
    return True


def forget_old(*, now: datetime) -> int:
    """Drop what no limit asks for any more; how many rows."""
    return UsedUp.objects.filter(until__lt=now - timedelta(days=1)).delete()[0]
