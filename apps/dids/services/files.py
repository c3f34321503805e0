"""The stock as a CSV file: read all or nothing, written so that it can be read back."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from defusedcsv import csv
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.dids.models import Did, State
from apps.dids.services import holding, stock
from apps.pricing.errors import ImportRefused
from apps.users.models import Account

COLUMNS = (
    "number", "use", "shared", "area", "company", "carrier", "setup_fee", "monthly_fee", "currency", "accounts", "comment",
)  # fmt: skip
MOST_BYTES = 32 * 1024 * 1024
_ACCOUNTS = ("company", "carrier")
_YES = frozenset(("1", "yes", "true", "y", "x"))


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did."""

    added: int
    changed: int
    assigned: int


@transaction.atomic
def import_dids(*, data: bytes) -> Taken:
    """Enter numbers, or change those that are there, from a CSV file with a header; `accounts` lists user names with blanks
    between them, who get the number. Raises ImportRefused with every bad line, and then nothing is changed.
    """
    if len(data) > MOST_BYTES:
        raise ImportRefused([(0, _("The file is too large."))])
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        names = [name.strip().lower() for name in reader.fieldnames or ()]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ImportRefused([(1, str(error))]) from error
    if "number" not in names or (unknown := set(names) - set(COLUMNS)):
        wrong = ", ".join(sorted(unknown)) if "number" in names else "number"
        raise ImportRefused([(1, _("The header must name these columns: %(columns)s. Wrong: %(wrong)s.")
                              % {"columns": ", ".join(COLUMNS), "wrong": wrong})])  # fmt: skip
    reader.fieldnames = names
    errors: list[tuple[int, str]] = []
    added = changed = assigned = 0
    known = _Accounts()
    for line, row in _rows(reader, errors):
        try:
            with transaction.atomic():
                new, given = _take(row, known)
        except ValidationError as error:
            errors.append((line, " ".join(error.messages)))
            continue
        added, changed, assigned = added + new, changed + (not new), assigned + given
    if errors:
        raise ImportRefused(errors)
    return Taken(added, changed, assigned)


class _Accounts(dict[str, Account]):
    """Accounts by user name, each looked for once."""

    def __missing__(self, username: str) -> Account:
        found = Account.objects.filter(username=username).first()
        if found is None:
            raise ValidationError(_("There is no account %(name)s.") % {"name": username[:64]})
        self[username] = found
        return found


def _rows(reader: Any, errors: list[tuple[int, str]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        for row in reader:
            if None in row or None in row.values():
                errors.append((reader.line_num, _("The line has another number of columns than the header.")))
            elif any(row.values()):
                yield reader.line_num, {name: text.strip().replace("\0", "") for name, text in row.items()}
    except csv.Error as error:
        errors.append((reader.line_num, str(error)))


def _take(row: Mapping[str, str], known: _Accounts) -> tuple[bool, int]:
    """One line: whether the number is new, and how many accounts got it."""
    fields: dict[str, Any] = {
        name: text for name, text in row.items() if text and name in ("use", "area", "currency", "comment")
    }
    fields |= {name: known[row[name]] if row[name] else None for name in _ACCOUNTS if name in row}
    fields |= {name: _amount(row[name]) for name in ("setup_fee", "monthly_fee") if row.get(name)}
    did = Did.objects.filter(number=stock.plain(row["number"])).first()
    new = did is None
    if did is None:
        did = stock.add(number=row["number"], shared=row.get("shared", "").lower() in _YES, **fields)
    elif fields:
        stock.change(did=did, **fields)
    given = 0
    for username in row.get("accounts", "").split():
        account = known[username]
        if not did.holdings.filter(account=account, until=None).exists():
            holding.assign(did=did, account=account, beside_others=bool(given))
            given += 1
    return new, given


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValidationError(_("%(text)s is not an amount.") % {"text": text[:40]}) from None
    if not amount.is_finite():
        raise ValidationError(_("%(text)s is not an amount.") % {"text": text[:40]})
    return amount


def export_dids(*, dids: QuerySet[Did]) -> Iterator[str]:
    """The lines of the file that `import_dids` reads."""
    yield _line(COLUMNS)
    rows = dids.select_related("company", "carrier").prefetch_related("holdings__account").order_by("number")
    for did in rows.iterator(chunk_size=1000):
        holders = [one.account.username for one in did.holdings.all() if one.until is None]
        yield _line((
            did.number, did.use, "yes" if did.state == State.SHARED else "", did.area,
            did.company.username if did.company else "", did.carrier.username if did.carrier else "",
            f"{did.setup_fee:f}", f"{did.monthly_fee:f}", did.currency, " ".join(holders), did.comment,
        ))  # fmt: skip


def _line(cells: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()
