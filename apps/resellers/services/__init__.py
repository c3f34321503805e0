"""The verbs of resellers. Each asks for the rights of who does it and looks at every object that it touches."""

from apps.resellers.services.accounts import FIELDS, change_below, open_below
from apps.resellers.services.credit import give, pass_on
from apps.resellers.services.tariffs import (
    assign,
    change,
    create,
    raise_prices,
    remove_price,
    set_base,
    set_price,
)

__all__ = [
    "FIELDS",
    "assign",
    "change",
    "change_below",
    "create",
    "give",
    "open_below",
    "pass_on",
    "raise_prices",
    "remove_price",
    "set_base",
    "set_price",
]
