"""Tariffs, single rates, and who pays by which tariff."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.pricing import queries
from apps.pricing.models import CONDITIONS, UNCONDITIONAL, Rate, Service, Tariff, TariffAssignment, TariffKind
from apps.users.choices import Kind
from apps.users.models import Account


@transaction.atomic
def create_tariff(**fields: Any) -> Tariff:
    """Open an empty price list. Raises ValidationError, by field."""
    calendars = fields.pop("calendars", ())
    tariff = Tariff()
    _fill(tariff, fields)
    tariff.save()
    tariff.calendars.set(calendars)
    return tariff


@transaction.atomic
def change_tariff(*, tariff: Tariff, **fields: Any) -> Tariff:
    """Change what holds for all rates. Kind and currency stay while accounts pay by the tariff."""
    stored = Tariff.objects.select_for_update().get(pk=tariff.pk)
    before = (stored.kind, stored.currency)
    calendars = fields.pop("calendars", None)
    _fill(stored, fields)
    if before != (stored.kind, stored.currency) and stored.assignments.exists():
        raise ValidationError({"kind": _("Accounts pay by this tariff: its kind and currency stay.")})
    stored.save()
    if calendars is not None:
        stored.calendars.set(calendars)
    tariff.refresh_from_db()
    return tariff


@transaction.atomic
def clone_tariff(*, tariff: Tariff, name: str, **other: Any) -> Tariff:
    """A second price list with all that the first has but `other`. Nobody pays by it yet. Raises ValidationError."""
    fields = {
        one.name: getattr(tariff, one.name) for one in Tariff._meta.concrete_fields if not one.primary_key
    }
    copy = create_tariff(**fields | {"name": name} | other, calendars=list(tariff.calendars.all()))
    columns = ", ".join(
        one.column
        for one in Rate._meta.concrete_fields
        if one.column not in (Rate._meta.pk.column, "tariff_id")
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO pricing_rate (tariff_id, {columns}) SELECT %s, {columns} FROM pricing_rate WHERE tariff_id = %s",  # noqa: S608
            [copy.pk, tariff.pk],
        )
    return copy


@transaction.atomic
def add_rate(*, tariff: Tariff, prefix: str, **fields: Any) -> Rate:
    """Add the price of one prefix; "*" is every destination. Raises ValidationError, by field."""
    rate = Rate(tariff=tariff)
    _fill(rate, {"prefix": "" if prefix == "*" else prefix, **fields})
    rate.save()
    return rate


@transaction.atomic
def change_rate(*, rate: Rate, **fields: Any) -> Rate:
    """Change a rate in place, for calls from now on: prices of calls already recorded stay. Raises ValidationError."""
    stored = Rate.objects.select_for_update().get(pk=rate.pk)
    _fill(stored, fields)
    stored.save()
    rate.refresh_from_db()
    return rate


@transaction.atomic
def remove_rate(*, rate: Rate) -> None:
    """Take a rate out of its tariff."""
    Rate.objects.filter(pk=rate.pk).delete()


@transaction.atomic
def assign_tariff(
    *,
    account: Account,
    tariff: Tariff,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    **conditions: Any,
) -> TariffAssignment:
    """Let an account, and whatever below it has none of its own, pay by a tariff.

    `conditions`: for which calls (`CONDITIONS`); without any, for all calls that no other is for. It replaces one of the
    same kind and conditions from the same moment; others stay, so that a tariff of next month can wait its turn. Raises ValidationError when the kinds do not fit, or when the currencies cannot be converted.
    """
    same = UNCONDITIONAL | {"account": account, "kind": tariff.kind, "valid_from": valid_from} | conditions
    assignment = TariffAssignment.objects.filter(**same).first() or TariffAssignment(**same)
    return _given(assignment, {"tariff": tariff, "valid_until": valid_until})


def _given(assignment: TariffAssignment, fields: dict[str, Any]) -> TariffAssignment:
    for name, value in fields.items():
        setattr(assignment, name, value)
    account, tariff = assignment.account, assignment.tariff
    _check_kinds(account, tariff, assignment.service)
    if not queries.convertible(tariff.currency, account.currency):
        raise ValidationError(
            {
                "tariff": _("There is no exchange rate from %(here)s to %(there)s.")
                % {"here": tariff.currency, "there": account.currency}
            }
        )
    assignment.full_clean()
    assignment.save()
    return assignment


def _check_kinds(account: Account, tariff: Tariff, service: str) -> None:
    if service == Service.SMS and tariff.kind in (TariffKind.CARRIER, TariffKind.PACKET):
        raise ValidationError(
            {"service": _("Messages go to accounts of ours only, and no carrier takes any.")}
        )
    if (tariff.kind == TariffKind.CARRIER) != (account.kind == Kind.CARRIER):
        raise ValidationError({"tariff": _("Carrier tariffs are for carriers, and carriers have no other.")})
    if tariff.kind == TariffKind.RESELLER and account.kind not in (Kind.RESELLER, Kind.OWNER):
        raise ValidationError(
            {"tariff": _("Only resellers, and owners for all below them, pay by a reseller tariff.")}
        )


@transaction.atomic
def change_assignment(*, assignment: TariffAssignment, **fields: Any) -> TariffAssignment:
    """Change by which tariff, for whom or when an account pays; another one for the same is replaced. Raises ValidationError."""
    stored = TariffAssignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
    wanted = {
        name: getattr(stored, name) for name in ("account", "tariff", "valid_from", *CONDITIONS)
    } | fields
    same = {"kind": wanted.pop("tariff").kind} | wanted
    TariffAssignment.objects.filter(**same).exclude(pk=stored.pk).delete()
    return _given(stored, fields)


@transaction.atomic
def remove_assignment(*, assignment: TariffAssignment) -> None:
    """From now on the account pays for such calls by its next tariff that fits, or by those of whoever is above it."""
    TariffAssignment.objects.filter(pk=assignment.pk).delete()


@transaction.atomic
def unassign_tariff(*, account: Account, kind: str) -> None:
    """From now on the account pays by the tariffs of whoever is above it."""
    TariffAssignment.objects.filter(account=account, kind=kind).delete()


def _fill(row: Tariff | Rate, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    if isinstance(row, Rate) and row.price is not None and row.price < 0:
        raise ValidationError({"price": _("A price is not negative.")})
    if isinstance(row, Rate) and row.max_digits and row.max_digits < row.min_digits:
        raise ValidationError({"max_digits": _("The longest number is shorter than the shortest.")})
    row.full_clean()
    if row.maximum_charge and row.minimum_charge and row.maximum_charge < row.minimum_charge:
        raise ValidationError({"maximum_charge": _("The highest price of a call is below its least.")})
