"""A carrier's file, whatever it looks like, read into prices by prefix. Pure: bytes in, values out; no database.

`sheets` file → rows of text · `columns` which column means what · `values` one cell · `codes` prefixes of a cell · `lines` rows → prices.
"""

from apps.pricelists.reading.columns import FIELDS, Layout, guess
from apps.pricelists.reading.lines import ListLine, Options, read_lines
from apps.pricelists.reading.sheets import MOST_BYTES, BadFile, Sheet, open_sheet

__all__ = [
    "FIELDS",
    "MOST_BYTES",
    "BadFile",
    "Layout",
    "ListLine",
    "Options",
    "Sheet",
    "guess",
    "open_sheet",
    "read_lines",
]
