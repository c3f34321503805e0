"""Making and changing lists of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.core.values.digits import digits_of
from apps.numbers.models.lists import ListedNumber, NumberList, number_rule

MOST_NUMBERS = 100_000
"""In one list; every worker of the switch has them in memory."""
_BATCH = 5_000


@transaction.atomic
def create_list(*, numbers: Iterable[str] = (), **fields: Any) -> NumberList:
    """Make a list with these numbers. Raises ValidationError, by field."""
    made = NumberList(**fields)
    made.full_clean()
    made.save()
    put_numbers(number_list=made, numbers=numbers)
    return made


@transaction.atomic
def change_list(*, number_list: NumberList, **fields: Any) -> NumberList:
    """Another name, account or purpose. Raises ValidationError, by field."""
    stored = NumberList.objects.select_for_update().get(pk=number_list.pk)
    for name, value in fields.items():
        setattr(stored, name, value)
    stored.full_clean()
    stored.save()
    number_list.refresh_from_db()
    return number_list


@transaction.atomic
def put_numbers(*, number_list: NumberList, numbers: Iterable[str]) -> int:
    """Make these, and no others, the numbers of the list; the answer is how many there are. Raises ValidationError."""
    NumberList.objects.select_for_update().get(pk=number_list.pk)
    wanted = dict.fromkeys(map(listed, numbers))
    if len(wanted) > MOST_NUMBERS:
        raise ValidationError({"numbers": _("A list has %(n)s numbers at most.") % {"n": MOST_NUMBERS}})
    rows = ListedNumber.objects.filter(list=number_list)
    there = set(rows.values_list("number", flat=True))
    gone = sorted(there - wanted.keys())
    for start in range(0, len(gone), _BATCH):
        rows.filter(number__in=gone[start : start + _BATCH]).delete()
    ListedNumber.objects.bulk_create(
        [ListedNumber(list=number_list, number=one) for one in wanted if one not in there], batch_size=_BATCH
    )
    return len(wanted)


@transaction.atomic
def remove_list(*, number_list: NumberList) -> None:
    """Rules that name it find nothing any more."""
    NumberList.objects.filter(pk=number_list.pk).delete()


def listed(text: str) -> str:
    """A number as lists have it. Raises ValidationError."""
    try:
        number = digits_of(text.strip())
        number_rule(number)
    except (ValueError, ValidationError) as error:
        raise ValidationError(
            {"numbers": _("%(text)s is not a number.") % {"text": text.strip()[:40]}}
        ) from error
    return number
