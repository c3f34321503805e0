"""The verbs of portability: the only writers of its tables. All raise ValidationError, by field; imports ImportRefused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.core.notify import CHANNEL
from apps.core.values import digits_of
from apps.portability.models import (
    DEFAULT_PORT,
    NumberBlock,
    Operator,
    PortedNumber,
    PortTarget,
    code_rule,
    digits_rule,
    domain_rule,
    prefix_rule,
)
from apps.pricing.errors import ImportRefused
from apps.users.choices import Kind

TARGET = ("carrier", "code", "prefix", "domain", "port")
COLUMNS = ("number", "carrier", "code", "prefix", "new_number", "domain", "port", "priority")
BLOCK_COLUMNS = ("prefix", "spid", "cnl")
BATCH = 20_000
MOST_ERRORS = 1000


@transaction.atomic
def port(*, number: str, new_number: str = "", priority: int = 1, **target: Any) -> PortedNumber:
    """Enter a ported number: at least one of carrier, code, prefix, domain and new_number says where it has gone."""
    return _keep(PortedNumber(), number=number, new_number=new_number, priority=priority, **target)


@transaction.atomic
def change(*, ported: PortedNumber, **fields: Any) -> PortedNumber:
    """Change it; what is not given stays."""
    row = PortedNumber.objects.select_for_update().get(pk=ported.pk)
    known = {"number": row.number, "new_number": row.new_number, "priority": row.priority}
    if row.target_id is not None:
        held = PortTarget.objects.get(pk=row.target_id)
        known |= {name: getattr(held, name) for name in TARGET}
    return _keep(row, **known | fields)


@transaction.atomic
def unport(*, ported: PortedNumber) -> None:
    PortedNumber.objects.filter(pk=ported.pk).delete()


def _keep(row: PortedNumber, *, number: str, new_number: str, priority: int, **target: Any) -> PortedNumber:
    if unknown := target.keys() - set(TARGET):
        raise TypeError(f"A ported number has no {', '.join(sorted(unknown))}.")
    row.number = plain("number", number)
    row.new_number = plain("new_number", new_number) if new_number else ""
    row.priority = priority
    values = {name: target[name] for name in TARGET if target.get(name) not in (None, "")}
    domain = values.get("domain", "").lower()
    if domain:
        _checked("domain", domain, domain_rule)
        values["domain"] = domain
    else:
        values.pop("port", None)
    carrier = values.get("carrier")
    if carrier is not None and carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("This account is no carrier.")})
    if not values and not row.new_number:
        raise ValidationError(
            {"number": _("Say where the number has gone: a carrier, a code, a prefix, a number or a domain.")}
        )
    row.target = _target(values) if values else None
    row.full_clean()
    row.save()
    return row


def _target(values: dict[str, Any]) -> PortTarget:
    """The one target with these values."""
    whole = {"carrier": None, "code": "", "prefix": "", "domain": "", "port": DEFAULT_PORT} | values
    found = PortTarget.objects.filter(**whole).first()
    if found is None:
        PortTarget(**whole).full_clean(validate_constraints=False)
        found, _new = PortTarget.objects.get_or_create(**whole)
    return found


@transaction.atomic
def save_operator(*, operator: Operator | None = None, **fields: Any) -> Operator:
    """Enter an operator of the carrier map, or change it."""
    row = operator or Operator()
    for name, value in fields.items():
        setattr(row, name, value)
    if row.carrier is not None and row.carrier.kind != Kind.CARRIER:
        raise ValidationError({"carrier": _("This account is no carrier.")})
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def save_block(*, block: NumberBlock | None = None, **fields: Any) -> NumberBlock:
    """Say whose the numbers are that begin so."""
    row = block or NumberBlock()
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()
    return row


def plain(field: str, text: str) -> str:
    """The digits of what somebody wrote, with `+`, `00` or neither before the country code. Raises ValidationError."""
    try:
        digits = digits_of(text.strip())
    except ValueError:
        raise ValidationError({field: _("%(text)s is not a number.") % {"text": text[:40]}}) from None
    digits = digits if text.strip().startswith("+") else digits.removeprefix("00")
    return _checked(field, digits, digits_rule)


def _checked(field: str, text: str, rule: Any) -> str:
    try:
        rule(text)
    except ValidationError as error:
        raise ValidationError({field: f"{text[:40]!r}: {' '.join(error.messages)}"}) from None
    return text


# --- imports --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import did: lines read, numbers that are in the table because of it, double ones that went."""

    lines: int
    kept: int
    doubles: int


_PREPARE = """
DROP TABLE IF EXISTS ported_in;
CREATE TEMPORARY TABLE ported_in (line int, number text COLLATE "C", carrier text, code text, prefix text, new_number text, domain text,
  port int, priority int) ON COMMIT DROP
"""
_TARGETS = """
INSERT INTO portability_porttarget (carrier_id, code, prefix, domain, port)
SELECT DISTINCT a.id, i.code, i.prefix, i.domain, i.port FROM ported_in i LEFT JOIN users_account a ON a.username = i.carrier
WHERE i.carrier <> '' OR i.code <> '' OR i.prefix <> '' OR i.domain <> ''
ON CONFLICT DO NOTHING
"""
_CLEAR = "DELETE FROM portability_portednumber {}"
_ADD = """
INSERT INTO portability_portednumber (number, target_id, new_number, priority, created_at)
SELECT i.number, t.id, i.new_number, i.priority, now() FROM ported_in i
LEFT JOIN users_account a ON a.username = i.carrier AND i.carrier <> ''
LEFT JOIN portability_porttarget t ON t.carrier_id IS NOT DISTINCT FROM a.id AND t.code = i.code AND t.prefix = i.prefix
  AND t.domain = i.domain AND t.port = i.port
  AND (i.carrier <> '' OR i.code <> '' OR i.prefix <> '' OR i.domain <> '')
ORDER BY i.line
"""
_DOUBLES = """
DELETE FROM portability_portednumber p USING (
  SELECT n.id, row_number() OVER (PARTITION BY n.number ORDER BY length(coalesce(t.domain, '')) DESC, n.created_at DESC, n.id DESC) AS place
  FROM portability_portednumber n LEFT JOIN portability_porttarget t ON t.id = n.target_id {}
) double WHERE double.id = p.id AND double.place > 1
"""


@transaction.atomic
def import_ported(*, stream: BinaryIO, replace: bool = False) -> Taken:
    """Take ported numbers from a CSV file with a header, of any size: read and copied bit by bit, all or nothing.

    `replace`: the file is the whole table; else its numbers take the place of what the table had for them. A number that comes
    twice stays with its longest domain, then the last one. `port` without a domain means nothing. Raises ImportRefused with the
    bad lines (the first thousand), and then nothing is changed.
    """
    errors: list[tuple[int, str]] = []
    with connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        lines = _copy(cursor, "ported_in", _lines(stream, COLUMNS, "number", _ported_line, errors))
        if not errors:
            errors = _unknown_carriers(cursor)
        if errors:
            raise ImportRefused(sorted(errors)[:MOST_ERRORS])
        cursor.execute("ANALYZE ported_in")
        cursor.execute(_TARGETS)
        cursor.execute(_CLEAR.format("" if replace else "WHERE number IN (SELECT number FROM ported_in)"))
        cursor.execute(_ADD)
        cursor.execute(_DOUBLES.format("" if replace else "WHERE n.number IN (SELECT number FROM ported_in)"))
        doubles = max(cursor.rowcount, 0)
    return Taken(lines, lines - doubles, doubles)


@transaction.atomic
def remove_duplicates() -> int:
    """Of each number keep the row with the longest domain, then the newest (guide 13222-13236); how many went."""
    with connection.cursor() as cursor:
        cursor.execute(_DOUBLES.format(""))
        return int(cursor.rowcount)


@transaction.atomic
def import_blocks(*, stream: BinaryIO) -> int:
    """Take blocks of numbers (Brazil's CADUP, Mexico's numbering plan) in the place of all that are there; how many lines."""
    errors: list[tuple[int, str]] = []
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS blocks_in")
        cursor.execute(
            "CREATE TEMPORARY TABLE blocks_in (line int, prefix text, spid text, cnl text) ON COMMIT DROP"
        )
        lines = _copy(cursor, "blocks_in", _lines(stream, BLOCK_COLUMNS, "prefix", _block_line, errors))
        if errors:
            raise ImportRefused(errors[:MOST_ERRORS])
        cursor.execute("DELETE FROM portability_numberblock")
        cursor.execute(
            "INSERT INTO portability_numberblock (prefix, spid, cnl)"
            " SELECT DISTINCT ON (prefix) prefix, spid, cnl FROM blocks_in ORDER BY prefix, line DESC"
        )
    return lines


def _copy(cursor: Any, table: str, rows: Iterator[str]) -> int:
    """Copy lines bit by bit; how many there were."""
    number = 0
    buffer = io.StringIO()
    for row in rows:
        buffer.write(row)
        number += 1
        if number % BATCH == 0:
            buffer.seek(0)
            cursor.copy_expert(f"COPY {table} FROM STDIN", buffer)
            buffer = io.StringIO()
    buffer.seek(0)
    cursor.copy_expert(f"COPY {table} FROM STDIN", buffer)
    return number


def _lines(
    stream: BinaryIO, columns: tuple[str, ...], needed: str, take: Any, errors: list[tuple[int, str]]
) -> Iterator[str]:
    """The lines of the file for COPY; what is wrong goes into `errors`."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        reader = csv.reader(text)
        names = [name.strip().lower() for name in next(reader, [])]
        if needed not in names or set(names) - set(columns) or len(set(names)) != len(names):
            wanted = {"columns": ", ".join(columns), "needed": needed}
            errors.append((1, _("The header must name %(needed)s, and besides only: %(columns)s.") % wanted))
            return
        for cells in reader:
            if not any(cells) or len(errors) >= MOST_ERRORS:
                continue
            line = reader.line_num
            if len(cells) != len(names):
                errors.append((line, _("The line has another number of columns than the header.")))
                continue
            try:
                values = take({name: cell.strip() for name, cell in zip(names, cells, strict=True)})
            except ValidationError as error:
                errors.append((line, " ".join(error.messages)))
                continue
            yield f"{line}\t" + "\t".join(map(str, values)) + "\n"
    except (csv.Error, UnicodeDecodeError) as error:
        errors.append((1, str(error)))
    finally:
        text.detach()


def _ported_line(cells: dict[str, str]) -> tuple[object, ...]:
    number = plain("number", cells["number"])
    new = plain("new_number", cells["new_number"]) if cells.get("new_number") else ""
    code = _checked("code", cells.get("code", ""), code_rule)
    prefix = _checked("prefix", cells.get("prefix", ""), prefix_rule)
    domain = cells.get("domain", "").lower()
    if domain:
        _checked("domain", domain, domain_rule)
    carrier = cells.get("carrier", "")
    if not carrier.isprintable() or "\\" in carrier or len(carrier) > 64:
        raise ValidationError({"carrier": _("This is no user name.")})
    if not (carrier or code or prefix or domain or new):
        raise ValidationError({"number": _("It is not said where the number has gone.")})
    port_text = _count("port", cells.get("port", ""), DEFAULT_PORT, 65535) if domain else DEFAULT_PORT
    return (
        number,
        carrier,
        code,
        prefix,
        new,
        domain,
        port_text,
        _count("priority", cells.get("priority", ""), 1, 32767),
    )


def _block_line(cells: dict[str, str]) -> tuple[object, ...]:
    if not cells.get("spid"):
        raise ValidationError({"spid": _("The operator's code is missing.")})
    return (
        plain("prefix", cells["prefix"]),
        _checked("spid", cells["spid"], code_rule),
        _checked("cnl", cells.get("cnl", ""), code_rule)[:16],
    )


def _count(field: str, text: str, otherwise: int, most: int) -> int:
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) <= most):
        raise ValidationError(
            {field: _("%(text)s is not a number up to %(most)d.") % {"text": text[:20], "most": most}}
        )
    return int(text)


def _unknown_carriers(cursor: Any) -> list[tuple[int, str]]:
    cursor.execute(
        "SELECT min(line), carrier FROM ported_in i WHERE carrier <> '' AND NOT EXISTS (SELECT FROM users_account a"
        " WHERE a.username = i.carrier AND a.kind = 'carrier') GROUP BY carrier ORDER BY 1 LIMIT %s",
        [MOST_ERRORS],
    )
    return [(line, _("There is no carrier %(name)s.") % {"name": name}) for line, name in cursor.fetchall()]


def export_ported() -> Iterator[str]:
    """The lines of the file that `import_ported` reads."""
    yield ",".join(COLUMNS) + "\r\n"
    rows = PortedNumber.objects.order_by("number", "priority", "id").values_list(
        "number", "target__carrier__username", "target__code", "target__prefix", "new_number", "target__domain", "target__port",
        "priority",
    )  # fmt: skip
    for number, carrier, code, prefix, new, domain, port_number, priority in rows.iterator(chunk_size=5000):
        cells = (number, carrier, code, prefix, new, domain, port_number if domain else "", priority)
        yield ",".join("" if cell is None else str(cell) for cell in cells) + "\r\n"


@transaction.atomic
def fold_changes() -> int:
    """Let the big file be built anew with all single changes, and forget those that the last one had; how many were forgotten.

    An hour is left between the two, for transactions that had begun before the file was read and ended after.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM portability_portedchange USING portability_portedstate s"
            " WHERE changed_at < to_timestamp(s.stamp / 1000000.0) - interval '1 hour'"
        )
        forgotten = int(cursor.rowcount)
        cursor.execute(
            "UPDATE portability_portedstate SET stamp = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
            " WHERE EXISTS (SELECT FROM portability_portedchange)"
        )
        if cursor.rowcount:
            cursor.execute("SELECT pg_notify(%s, 'ported')", [CHANNEL])
    return forgotten
