"""A file comes in, its columns are guessed, corrected by a person, and remembered for the tariff's next list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.pricelists.errors import ListError
from apps.pricelists.models import OPEN, Change, ChangeSet, ListLayout, State, Touched
from apps.pricelists.reading import FIELDS, BadFile, Layout, Sheet, guess, open_sheet
from apps.pricelists.reading.columns import HEADING_WITHIN, LOOKED_AT, normal
from apps.pricing.models import Tariff
from apps.users.models import Account

_FIRST_ROWS = LOOKED_AT + HEADING_WITHIN


@dataclass(frozen=True, slots=True)
class First:
    """The beginning of a file as it would be read: its layout, a workbook's sheets, whether the layout is remembered."""

    layout: Layout
    sheets: tuple[str, ...]
    is_workbook: bool
    remembered: bool


@transaction.atomic
def upload(
    *, tariff: Tariff, file_name: str, data: bytes, begins: datetime | None = None, by: Account | None = None
) -> ChangeSet:
    """Take a file in for a tariff and guess its columns. Nothing of the tariff changes. Raises ListError."""
    known = ListLayout.objects.filter(tariff=tariff).first()
    made = ChangeSet(
        tariff=tariff, file_name=file_name[-200:], data=data, begins=begins or timezone.now(), created_by=by
    )
    _open(made)
    first = look(made)
    made.columns, made.heading = first.layout.columns, first.layout.heading
    made.comma, made.month_first = first.layout.comma, first.layout.month_first
    if known:
        made.complete, made.rounds = known.complete, known.rounds
        if first.remembered:
            made.comma, made.month_first = known.comma, known.month_first
    made.full_clean(exclude=["data", "columns", "head"])
    made.save()
    return made


def look(change_set: ChangeSet) -> First:
    """The first rows of a list, as they were when it was opened, and what they seem to mean."""
    if not change_set.head:
        _open(change_set)
    known = ListLayout.objects.filter(tariff=change_set.tariff_id).first()
    rows = [(number, cells) for number, cells in change_set.head["rows"]]
    layout = guess(rows, known.headings if known else None)
    remembered = _is_remembered(layout, known)
    if known and not layout.heading and known.places and not known.headings:
        layout, remembered = _with_places(layout, known.places), True
    return First(layout, tuple(change_set.head["names"]), bool(change_set.head["is_workbook"]), remembered)


def _open(change_set: ChangeSet) -> None:
    """Read the first rows of a list, and say how they were read. Raises ListError when the file is no table."""
    try:
        sheet = sheet_of(change_set, first=_FIRST_ROWS)
        rows = [
            [number, cells[:100]] for (number, cells), _ in zip(sheet.rows, range(_FIRST_ROWS), strict=False)
        ]
    except BadFile as error:
        raise ListError(str(error)) from None
    if not rows:
        raise ListError(_("The sheet is empty."))
    change_set.head = {"rows": rows, "names": sheet.names, "is_workbook": sheet.is_workbook}
    change_set.encoding, change_set.separator = sheet.encoding, sheet.separator
    change_set.sheet = change_set.sheet or (sheet.names[0] if sheet.names else "")


def sheet_of(change_set: ChangeSet, first: int = 0) -> Sheet:
    """The rows of a list's file, or the first so many, read as it says. Raises BadFile."""
    return open_sheet(
        bytes(change_set.data),
        sheet=change_set.sheet,
        encoding=change_set.encoding,
        separator=change_set.separator,
        first=first,
    )


@transaction.atomic
def choose(*, change_set: ChangeSet, **fields: Any) -> ChangeSet:
    """Say how a list is read (`columns`: field → column from 0) and from when it holds; remembered for the tariff.

    What was compared before is forgotten. Raises ValidationError, by field; ListError once the list was applied.
    """
    stored = lock(change_set, OPEN)
    for name, value in fields.items():
        setattr(stored, name, value)
    _check_columns(stored.columns)
    stored.full_clean(exclude=["data", "head"])
    forget(stored)
    stored.state = State.UPLOADED
    stored.save()
    _remember(stored)
    return stored


@transaction.atomic
def open_again(
    *, change_set: ChangeSet, sheet: str = "", encoding: str = "", separator: str = ""
) -> ChangeSet:
    """Read the file in another way and guess its columns anew. Raises ListError when it is no table so."""
    stored = lock(change_set, OPEN)
    stored.sheet, stored.encoding, stored.separator = sheet, encoding, separator
    _open(stored)
    layout = look(stored).layout
    stored.columns, stored.heading = layout.columns, layout.heading
    stored.comma, stored.month_first = layout.comma, layout.month_first
    stored.full_clean(exclude=["data", "columns", "head"])
    forget(stored)
    stored.state = State.UPLOADED
    stored.save()
    return stored


@transaction.atomic
def discard(*, change_set: ChangeSet) -> None:
    """Put a list away that will not be applied, with its rows. Raises ListError once it was applied."""
    stored = lock(change_set, OPEN)
    forget(stored)
    stored.state = State.DISCARDED
    stored.save()


def lock(change_set: ChangeSet, states: tuple[str, ...]) -> ChangeSet:
    """The list, locked until the transaction ends. Raises ListError when it is in none of these states."""
    found = ChangeSet.objects.defer("data").select_for_update(of=("self",)).select_related("tariff")
    stored = found.get(pk=change_set.pk)
    check_state(stored, states)
    return stored


def check_state(found: ChangeSet, states: tuple[str, ...]) -> None:
    """Raises ListError when the list is in none of these states."""
    if found.state not in states:
        raise ListError(_("This list is %(state)s.") % {"state": State(found.state).label})


def forget(stored: ChangeSet) -> None:
    """Drop what came of comparing the list with the tariff."""
    Change.objects.filter(change_set=stored)._raw_delete(using="default")
    stored.errors, stored.error_count, stored.summary, stored.replay = [], 0, {}, {}


def _check_columns(columns: dict[str, int]) -> None:
    if not isinstance(columns, dict) or set(columns) - set(FIELDS):
        raise ValidationError({"columns": _("These are not columns of a price list.")})
    if not all(isinstance(place, int) and 0 <= place < 100 for place in columns.values()):
        raise ValidationError({"columns": _("A column is a number from 0 to 99.")})
    if len(set(columns.values())) < len(columns):
        raise ValidationError({"columns": _("Two meanings were given to one column.")})
    if "price" not in columns or not {"code", "country_code"} & set(columns):
        raise ValidationError({"columns": _("Say at least which column has the codes, and which the price.")})


def _remember(stored: ChangeSet) -> None:
    names = look(stored).layout.names
    headings = {
        name: normal(names[place])
        for name, place in stored.columns.items()
        if stored.heading and place < len(names)
    }
    unique = len(set(headings.values())) == len(stored.columns) and all(headings.values())
    ListLayout.objects.update_or_create(
        tariff=stored.tariff,
        defaults={
            "headings": headings if unique else {},
            "places": stored.columns,
            "comma": stored.comma,
            "month_first": stored.month_first,
            "rounds": stored.rounds,
            "complete": stored.complete,
        },
    )


def _is_remembered(layout: Layout, known: ListLayout | None) -> bool:
    if not known or not known.headings or not layout.heading:
        return False
    return {name: normal(layout.names[place]) for name, place in layout.columns.items()} == known.headings


def _with_places(layout: Layout, places: dict[str, int]) -> Layout:
    return Layout(
        {name: place for name, place in places.items() if place < len(layout.names)}, 0, layout.names, layout.comma,
        layout.month_first, layout.sure_of_days, layout.samples,
    )  # fmt: skip


def forget_old(now: datetime | None = None) -> int:
    """Drop rows, file and what undoing needs of lists that were settled long ago; their figures stay. How many."""
    kept = timedelta(days=int(config.get("pricelist_keep_days")))
    settled = (State.APPLIED, State.UNDONE, State.DISCARDED)
    old = ChangeSet.objects.filter(state__in=settled, created_at__lt=(now or timezone.now()) - kept).exclude(
        data=b""
    )
    found = list(old.values_list("pk", flat=True))
    for pk in found:
        with transaction.atomic():
            Change.objects.filter(change_set=pk)._raw_delete(using="default")
            Touched.objects.filter(change_set=pk)._raw_delete(using="default")
            ChangeSet.objects.filter(pk=pk).update(data=b"")
    return len(found)
