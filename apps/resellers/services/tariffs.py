"""Price lists that resellers make, and who of theirs pays by which (guide 4361-4371, 7184)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import DecimalField, F
from django.db.models.functions import Round
from django.utils.translation import gettext as _

from apps.pricing import services as pricing
from apps.pricing.models import UNCONDITIONAL, Rate, Tariff, TariffAssignment, TariffKind
from apps.resellers.margins import Asked, too_cheap
from apps.resellers.queries import SOLD, features_of, looked_after, own_tariffs, rights_of, sources
from apps.resellers.rights import Rights
from apps.users.models import Account

#: What of a list's head a reseller may change; durations and what is free stay those of the list that it was copied from.
FIELDS = frozenset(
    ("name", "connect_fee", "first_increment", "next_increment", "minimum_seconds", "surcharge", "comment")
)
_MOST_PERCENT = Decimal(1000)
_SHOWN = 5


@transaction.atomic
def create(
    *, by: Account, name: str, kind: str, source: Tariff | None, percent: Decimal = Decimal(0)
) -> Tariff:
    """A new price list: a copy of one that the reseller knows, every price changed by per cent, or an empty one.

    Raises PermissionDenied, and ValidationError when a price would be below what it may be (`margins`).
    """
    rights = _rights(by)
    if kind not in SOLD or not features_of(by)["feature_createtariffs"]:
        raise PermissionDenied
    if source is None:
        return pricing.create_tariff(
            name=name, kind=kind, owner=by, currency=by.currency, time_zone=by.time_zone
        )
    if source.pk not in {one.pk for one in sources(by)}:
        raise PermissionDenied
    made = pricing.clone_tariff(tariff=source, name=name, kind=kind, owner=by, group=None, comment="")
    _change_all(made, percent)
    _check_all(by, rights, made)
    return made


@transaction.atomic
def change(*, by: Account, tariff: Tariff, **fields: Any) -> Tariff:
    """Change the head of an own list. Raises PermissionDenied, ValidationError."""
    _rights(by)
    if fields.keys() - FIELDS:
        raise PermissionDenied
    if fields.get("connect_fee", 0) < 0:
        raise ValidationError({"connect_fee": _("A fee is not negative.")})
    return pricing.change_tariff(tariff=_own(by, tariff), **fields)


@transaction.atomic
def set_price(
    *,
    by: Account,
    tariff: Tariff,
    prefix: str,
    price: Decimal,
    destination: str = "",
    rate: Rate | None = None,
) -> Rate:
    """Enter the price of a prefix, or change one. "*" is every destination. Raises PermissionDenied, ValidationError."""
    rights, own = _rights(by), _own(by, tariff)
    if rate is not None:
        if rate.tariff_id != own.pk:
            raise PermissionDenied
        made = pricing.change_rate(rate=rate, price=price, destination=destination)
    else:
        made = pricing.add_rate(tariff=own, prefix=prefix, price=price, destination=destination)
    _refuse(
        too_cheap(reseller=by, rights=rights, tariff=own, asked=[(made.prefix, made.window_id, made.price)])
    )
    return made


@transaction.atomic
def remove_price(*, by: Account, rate: Rate) -> None:
    """Take a price out of an own list: shorter prefixes then have the say. Raises PermissionDenied."""
    _rights(by)
    _own(by, rate.tariff)
    pricing.remove_rate(rate=rate)


@transaction.atomic
def raise_prices(*, by: Account, tariff: Tariff, percent: Decimal, prefix: str = "") -> int:
    """Change all prices of an own list, or those of prefixes that begin so; how many. Raises PermissionDenied, ValidationError."""
    rights, own = _rights(by), _own(by, tariff)
    if prefix and not (prefix.isascii() and prefix.isdigit()):
        raise ValidationError({"prefix": _("A prefix has digits only.")})
    changed = _change_all(own, percent, prefix)
    _check_all(by, rights, own, prefix)
    return changed


@transaction.atomic
def assign(*, by: Account, account: Account, kind: str, tariff: Tariff | None) -> None:
    """Let an account below pay by an own list; None: by what holds above it. Raises PermissionDenied, ValidationError.

    What is assigned with days or caller numbers of its own is the office's, and stays.
    """
    _rights(by)
    if kind not in SOLD or not looked_after(by).filter(pk=account.pk).exists():
        raise PermissionDenied
    _give(account, kind, _own(by, tariff) if tariff else None)


@transaction.atomic
def set_base(*, by: Account, tariff: Tariff | None) -> None:
    """The list that everybody below pays by who has none of their own; None: that of the house. Never what the reseller itself pays."""
    _rights(by)
    if not features_of(by)["feature_hasbasetariffs"]:
        raise PermissionDenied
    _give(by, TariffKind.RETAIL, _own(by, tariff) if tariff else None)


def _give(account: Account, kind: str, tariff: Tariff | None) -> None:
    if tariff is not None and tariff.kind != kind:
        raise ValidationError({"tariff": _("This price list is of another kind.")})
    if tariff is not None:
        pricing.assign_tariff(account=account, tariff=tariff)
    else:
        TariffAssignment.objects.filter(
            account=account, kind=kind, tariff__owner__isnull=False, **UNCONDITIONAL
        ).delete()


def _rights(by: Account) -> Rights:
    rights = rights_of(by)
    if not rights.tariffs:
        raise PermissionDenied
    return rights


def _own(by: Account, tariff: Tariff) -> Tariff:
    if not own_tariffs(by).filter(pk=tariff.pk).exists():
        raise PermissionDenied
    return tariff


def _change_all(tariff: Tariff, percent: Decimal, prefix: str = "") -> int:
    """Every price by so many per cent, rounded half up to the millionth."""
    if not -100 < percent <= _MOST_PERCENT:
        raise ValidationError({"percent": _("Prices change by more than -100 and at most 1000 per cent.")})
    rates = Rate.objects.filter(tariff=tariff, prefix__startswith=prefix)
    if not percent:
        return rates.count()
    factor = 1 + percent / 100
    return rates.update(
        price=Round(
            F("price") * factor, precision=6, output_field=DecimalField(max_digits=18, decimal_places=6)
        )
    )


def _check_all(by: Account, rights: Rights, tariff: Tariff, prefix: str = "") -> None:
    rows = Rate.objects.filter(tariff=tariff, prefix__startswith=prefix).values_list(
        "prefix", "window_id", "price"
    )
    asked: Iterable[Asked] = rows.iterator(20_000)
    _refuse(too_cheap(reseller=by, rights=rights, tariff=tariff, asked=asked))


def _refuse(found: list[Any]) -> None:
    if not found:
        return
    shown = ", ".join(f"{one.prefix or '*'}: {one.price} < {one.least}" for one in found[:_SHOWN])
    raise ValidationError(
        {
            "price": _("%(count)d prices are below the least that you may ask: %(prices)s")
            % {"count": len(found), "prices": shown}
        }
    )
