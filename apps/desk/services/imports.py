"""Accounts from a file: what it would change is seen first, and then all of it happens, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.desk.columns import BESIDE, BY_NAME, BadCell, guide_kind, heading, unguarded
from apps.desk.services.opening import check_kind
from apps.groups.models import AccountGroup
from apps.groups.services import set_groups
from apps.pricelists.reading import BadFile, open_sheet
from apps.pricing.models import UNCONDITIONAL, Tariff, TariffAssignment, TariffKind
from apps.pricing.services import assign_tariff
from apps.users import services as users
from apps.users.choices import Kind
from apps.users.models import Account

MOST_ERRORS = 500
_DEFAULT_KIND = Kind.SUBSCRIBER
#: Texts that an empty cell empties; of all other columns it says nothing.
_EMPTIED = frozenset(
    ("display_name", "contact_name", "phone", "email", "address", "billing_address", "vat_number", "country",
     "caller_number", "tech_prefix", "contract_number", "contract_comment", "description", "comment")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: column → cell, for the columns that we know."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a line does: a new account, or fields of one with their old and new values."""

    line: int
    username: str
    new: bool
    changes: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Outcome:
    """All lines. With errors, which are (line, message), nothing was or would be changed."""

    effects: list[Effect] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    unchanged: int = 0
    unknown: list[str] = field(default_factory=list)  # headings that were passed over

    @property
    def opened(self) -> int:
        return sum(effect.new for effect in self.effects)

    @property
    def changed(self) -> int:
        return len(self.effects) - self.opened


def read(data: bytes, most: int) -> tuple[list[Line], list[str]]:
    """The lines of a file, CSV or workbook, and the headings that mean nothing here. Raises BadFile."""
    rows = open_sheet(data).rows
    columns: list[str] = []
    for _number, cells in rows:
        if any(cell.strip() for cell in cells):
            columns = [heading(cell) for cell in cells]
            break
    known = [name for name in columns if name in BY_NAME]
    if "username" not in known:
        raise BadFile("the first line has to name the columns, and one of them is username")
    if len(set(known)) < len(known):
        raise BadFile("a column is named twice")
    lines = list(_lines(rows, columns, most))
    return lines, [name for name in columns if name and name not in BY_NAME]


def _lines(rows: Iterable[tuple[int, list[str]]], columns: list[str], most: int) -> Iterator[Line]:
    for count, (number, cells) in enumerate((row for row in rows if any(cell.strip() for cell in row[1])), 1):
        if count > most:
            raise BadFile(f"more than {most} accounts; split the file", number)
        pairs = zip(columns, cells, strict=False)
        yield Line(number, {name: unguarded(cell) for name, cell in pairs if name in BY_NAME})


def carry_out(lines: Iterable[Line], *, by: Account, apply: bool) -> Outcome:
    """Open and change the accounts of all lines in one transaction; without `apply`, or with an error, it is undone.

    1. A line whose user name is known changes that account, in the columns that the file has; else it opens one.
    2. Lines may name accounts of lines before them as parents.
    3. Every line is tried, so that one look tells all errors.
    """
    outcome = Outcome()
    seen: dict[str, int] = {}
    with transaction.atomic():
        for line in lines:
            if len(outcome.errors) >= MOST_ERRORS:
                break
            _one(line, by, seen, outcome)
        if outcome.errors or not apply:
            transaction.set_rollback(True)
    return outcome


def _one(line: Line, by: Account, seen: dict[str, int], outcome: Outcome) -> None:
    username = line.cells.get("username", "")
    if username in seen:
        message = _("%(name)s stands in line %(line)d already") % {"name": username, "line": seen[username]}
        outcome.errors.append((line.number, message))
        return
    seen[username] = line.number
    try:
        with transaction.atomic():
            effect = _applied(line, username, by)
    except BadCell as error:
        outcome.errors.append((line.number, str(error)))
    except ValidationError as error:
        outcome.errors += [(line.number, text) for text in _texts(error)]
    else:
        if effect.new or effect.changes:
            outcome.effects.append(effect)
        else:
            outcome.unchanged += 1


def _applied(line: Line, username: str, by: Account) -> Effect:
    if not username:
        raise BadCell(_("the user name is missing"))
    values = dict(_values(line))
    type_, operator = values.pop("type", ""), values.pop("isoperator", "")
    if type_:
        values.setdefault("kind", guide_kind(type_, operator))
    beside = {name: values.pop(name) for name in BESIDE & values.keys()}
    _refuse_credit(values, by)
    account = Account.objects.filter(username=username).select_related("parent").first()
    new = account is None
    changes: list[tuple[str, str, str]] = []
    if account is None:
        kind = values.pop("kind", _DEFAULT_KIND)
        check_kind(kind, by)
        account = users.open_account(username=username, kind=kind, added_by=by, **values)
    else:
        check_kind(account.kind, by)
        check_kind(values.get("kind", account.kind), by)
        changes = _differences(account, values)
        if changes:
            users.change_account(account=account, **{name: values[name] for name, _old, _new in changes})
    changes += _put_beside(account, beside)
    return Effect(line.number, username, new, tuple(changes))


def _values(line: Line) -> Iterator[tuple[str, Any]]:
    """Fields and what a line says of them. An empty cell says nothing, but for texts, which it empties."""
    for name, cell in line.cells.items():
        column = BY_NAME[name]
        if column.read is None or name == "username":
            continue
        if name in ("parent", "payer"):
            yield name, _named(name, cell)
        elif cell or name in _EMPTIED:
            try:
                yield name, column.read(cell)
            except BadCell as error:
                raise BadCell(f"{name}: {error}") from None


def _named(name: str, username: str) -> Account | None:
    if not username:
        return None
    found = Account.objects.filter(username=username).first()
    if found is None:
        raise BadCell(_("%(name)s: there is no account %(username)s") % {"name": name, "username": username})
    return found


def _refuse_credit(values: dict[str, Any], by: Account) -> None:
    if values.get("credit_limit", Decimal(0)) and not by.is_superuser:
        raise BadCell(_("credit_limit: only an administrator gives credit"))


def _differences(account: Account, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(field, old, new) of what the line would change."""
    pairs = ((name, getattr(account, name), value) for name, value in values.items())
    return [(name, _shown(old), _shown(new)) for name, old, new in pairs if old != new]


def _put_beside(account: Account, beside: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Groups, tariff, addresses and passwords; answers what changed. Of secrets only that they did."""
    changes = []
    if "groups" in beside:
        changes += _put_groups(account, beside["groups"])
    if "tariff" in beside:
        changes += _put_tariff(account, beside["tariff"])
    if "addresses" in beside:
        changes += _put_addresses(account, beside["addresses"])
    if "web_password" in beside:
        users.set_web_password(account=account, password=beside["web_password"])
        changes.append(("web_password", "", "•••"))
    if "sip_password" in beside:
        users.set_sip_password(account=account, password=beside["sip_password"])
        changes.append(("sip_password", "", "•••"))
    return changes


def _put_groups(account: Account, names: list[str]) -> list[tuple[str, str, str]]:
    found = {group.name: group for group in AccountGroup.objects.filter(name__in=names)}
    if missing := [name for name in names if name not in found]:
        raise BadCell(_("groups: there is no group %s") % missing[0])
    old = list(account.memberships.order_by("group__name").values_list("group__name", flat=True))
    if old == sorted(names):
        return []
    set_groups(account=account, groups=found.values())
    return [("groups", ";".join(old), ";".join(sorted(names)))]


def _put_tariff(account: Account, name: str) -> list[tuple[str, str, str]]:
    kind = TariffKind.CARRIER if account.kind == Kind.CARRIER else TariffKind.RETAIL
    tariff = Tariff.objects.filter(name=name, kind=kind).first()
    if tariff is None:
        raise BadCell(_("tariff: there is no tariff %s of this kind") % name)
    now = TariffAssignment.objects.filter(account=account, kind=kind, **UNCONDITIONAL).first()
    if now is not None and now.tariff_id == tariff.pk:
        return []
    assign_tariff(account=account, tariff=tariff)
    return [("tariff", now.tariff.name if now else "", tariff.name)]


def _put_addresses(account: Account, networks: list[str]) -> list[tuple[str, str, str]]:
    old = sorted(str(one) for one in account.addresses.all())
    users.set_addresses(account=account, networks=networks)
    new = sorted(str(one) for one in account.addresses.all())
    return [("addresses", ";".join(old), ";".join(new))] if old != new else []


def _shown(value: Any) -> str:
    return value.username if isinstance(value, Account) else "" if value is None else str(value)


def _texts(error: ValidationError) -> list[str]:
    if not hasattr(error, "error_dict"):
        return [str(text) for text in error.messages]
    return [f"{name}: {text}" for name, texts in error.message_dict.items() for text in texts]
