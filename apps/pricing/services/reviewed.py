"""Single rates under four eyes: what changes a price by more than a limit waits for a second person."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.approvals import services as approvals
from apps.approvals.models import Approval
from apps.config import queries as config
from apps.pricing.apps import RATE
from apps.pricing.models import Rate, Tariff
from apps.pricing.services.tariffs import add_rate, change_rate
from apps.users.models import Account

#: What may change without anybody else: it is no part of a price.
HARMLESS = frozenset(("destination",))


def needs_second_person(*, rate: Rate | None, tariff: Tariff, fields: dict[str, Any]) -> bool:
    """Whether a change is above the limit `approval_rate_percent`.

    A price counts by how many per cent of the old one it changes; that of a new rate against the price that its numbers
    have now. Any other change of what a call costs, and a price where there was none, always waits.
    """
    limit = str(config.get("approval_rate_percent"))
    if not limit:
        return False
    changed = {name for name, value in fields.items() if rate is None or getattr(rate, name) != value}
    if rate is not None and not changed - HARMLESS:
        return False
    if rate is not None and changed - HARMLESS - {"price"}:
        return True
    old = rate.price if rate is not None else _price_now(tariff, fields["prefix"])
    return old is None or abs(fields["price"] - old) * 100 > Decimal(limit) * old


def _price_now(tariff: Tariff, prefix: str) -> Decimal | None:
    """What numbers of the prefix cost per minute now; the dearest of several hours."""
    now, plain = timezone.now(), "" if prefix == "*" else prefix
    cuts = [plain[:length] for length in range(len(plain) + 1)]
    held = Q(valid_until=None) | Q(valid_until__gt=now)
    rows = Rate.objects.filter(held, tariff=tariff, prefix__in=cuts, valid_from__lte=now)
    prices: dict[str, Decimal] = {}
    for one, price in rows.values_list("prefix", "price"):
        prices[one] = max(price, prices.get(one, price))
    return prices[max(prices, key=len)] if prices else None


@transaction.atomic
def change_or_ask(*, rate: Rate, by: Account, **fields: Any) -> Rate | Approval:
    """Change a rate, or ask a second person for it. Raises ValidationError for what could not be done."""
    if not needs_second_person(rate=rate, tariff=rate.tariff, fields=fields):
        return change_rate(rate=rate, **fields)
    with transaction.atomic():  # a rehearsal, on a copy of the row
        change_rate(rate=Rate.objects.get(pk=rate.pk), **fields)
        transaction.set_rollback(True)
    return _ask(rate.tariff, rate, fields, by)


@transaction.atomic
def add_or_ask(*, tariff: Tariff, by: Account, **fields: Any) -> Rate | Approval:
    """Add a rate, or ask a second person for it. Raises ValidationError for what could not be done."""
    if not needs_second_person(rate=None, tariff=tariff, fields=fields):
        return add_rate(tariff=tariff, **fields)
    with transaction.atomic():
        add_rate(tariff=tariff, **fields)
        transaction.set_rollback(True)
    return _ask(tariff, None, fields, by)


def _ask(tariff: Tariff, rate: Rate | None, fields: dict[str, Any], by: Account) -> Approval:
    prefix = (rate.prefix if rate else fields["prefix"]) or "*"
    said = ", ".join(
        f"{name} {value}" for name, value in fields.items() if value not in (None, "") and name != "prefix"
    )
    return approvals.ask(
        kind=RATE,
        title=_("%(tariff)s, prefix %(prefix)s: %(changes)s")
        % {"tariff": tariff.name, "prefix": prefix, "changes": said},
        amount=fields.get("price", rate.price if rate else Decimal(0)),
        currency=tariff.currency,
        payload={
            "tariff": tariff.pk,
            "rate": rate.pk if rate else None,
            "fields": {name: _packed(value) for name, value in fields.items()},
            "before": {name: _packed(getattr(rate, name)) for name in fields} if rate else {},
        },
        by=by,
    )


def carry_out(approval: Approval) -> None:
    """Do what was agreed to. Raises ValidationError when the rate is no longer what it was, or is gone."""
    asked = approval.payload
    fields = {name: _unpacked(name, value) for name, value in asked["fields"].items()}
    if asked["rate"] is None:
        add_rate(tariff=_found(Tariff, asked["tariff"]), **fields)
        return
    rate = _found(Rate, asked["rate"])
    if any(_packed(getattr(rate, name)) != value for name, value in asked["before"].items()):
        raise ValidationError(_("The rate has been changed since; ask anew."))
    change_rate(rate=rate, **fields)


def _found(model: Any, pk: int) -> Any:
    found = model.objects.select_for_update().filter(pk=pk).first()
    if found is None:
        raise ValidationError(_("It is not there any more."))
    return found


def _packed(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value.normalize()) if isinstance(value, Decimal) else value


def _unpacked(name: str, value: Any) -> Any:
    field = Rate._meta.get_field(name)
    if isinstance(field, models.ForeignKey):
        return None if value is None else _found(field.related_model, value)
    return field.to_python(value)  # type: ignore[union-attr]
