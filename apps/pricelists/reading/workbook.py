"""A program of its own: prints one sheet of a workbook as CSV, within limits of memory and time.

Run as `python workbook.py FILE [SHEET [ROWS]]`. A workbook is hostile until read: a few kilobytes can name a cell in the last
row and column, or unfold to gigabytes, and a library's answer to that is an abort. Here it ends this process only.
The first line is the sheets' names as JSON. Ends with 3 and a sentence on standard error for what a person can mend.
"""

from __future__ import annotations

import csv
import datetime
import json
import resource
import sys
from itertools import islice
from typing import Any

MEMORY = 1536 * 1024 * 1024
CPU_SECONDS = 120
MOST_COLUMNS = 100


def main(path: str, wanted: str = "", most: str = "") -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    import python_calamine as calamine

    try:
        book = calamine.load_workbook(path)
        names = [
            sheet.name for sheet in book.sheets_metadata if str(sheet.visible).endswith("Visible.Visible")
        ]
        names = names or list(book.sheet_names)
        name = wanted or names[0]
        if name not in book.sheet_names:
            return _sorry(f"it has no sheet {name!r}")
        sheet = book.get_sheet_by_name(name)
    except calamine.PasswordError:
        return _sorry("it is locked with a password")
    except (calamine.CalamineError, IndexError, OSError) as error:
        return _sorry(f"it is damaged, or no workbook ({str(error)[:100]})")
    out = sys.stdout
    out.write(json.dumps(names) + "\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(
        [_text(cell) for cell in row[:MOST_COLUMNS]]
        for row in islice(sheet.iter_rows(), int(most) if most else None)
    )
    return 0


def _text(cell: Any) -> str:
    """A cell as a person sees it: a number with the 15 digits that spreadsheets have, a date the ISO way."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        text = f"{cell:.15g}"
        return f"{cell:.15f}".rstrip("0").rstrip(".") if "e-" in text else text
    if isinstance(cell, (datetime.datetime, datetime.date)):
        return cell.isoformat()
    return str(cell)


def _sorry(why: str) -> int:
    print(why, file=sys.stderr)  # noqa: T201 - what the caller shows
    return 3


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
