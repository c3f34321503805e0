"""Values that every part of the house speaks in: money, numbers, time windows. Pure: no Django, no clock."""

from apps.core.values.digits import digits_of, is_digits, prefixes
from apps.core.values.money import (
    MICROS,
    Rounding,
    cash_rounding,
    currency_digits,
    divide,
    from_micros,
    round_micros,
    to_micros,
)
from apps.core.values.windows import (
    Days,
    Hours,
    Schedule,
    TimeWindow,
    local_date,
    next_boundary,
    schedule,
)

__all__ = [
    "MICROS",
    "Days",
    "Hours",
    "Rounding",
    "Schedule",
    "TimeWindow",
    "cash_rounding",
    "currency_digits",
    "digits_of",
    "divide",
    "from_micros",
    "is_digits",
    "local_date",
    "next_boundary",
    "prefixes",
    "round_micros",
    "schedule",
    "to_micros",
]
