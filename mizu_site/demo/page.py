"""How the demonstration writes: numbered headings, aligned facts, small tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import count

LABEL = 26
_numbers = count(1)


def heading(text: str) -> None:
    print(f"\n{next(_numbers)}. {text}", flush=True)


def fact(label: str, value: object) -> None:
    print(f"   {label:{LABEL}} {value}", flush=True)


def checked(sentence: str) -> None:
    """Something that was proved, not only shown."""
    print(f"   ok: {sentence}", flush=True)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as they must be; numbers to the right."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [all(isinstance(row[place], Decimal | int) for row in rows) for place in range(len(head))]
    for line in (head, *cells):
        shown = (
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(line, widths, right, strict=True)
        )
        print("   " + "  ".join(shown).rstrip(), flush=True)


def money(amount: Decimal, currency: str) -> str:
    return f"{_text(amount)} {currency}"


def _text(value: object) -> str:
    """Amounts without the zeros at their end, but with two digits at least."""
    if not isinstance(value, Decimal):
        return str(value)
    plain = f"{value:f}"
    whole, _, part = plain.partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"
