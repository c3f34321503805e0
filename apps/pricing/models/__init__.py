"""What a call costs whom (guide 3642-3900): price lists, the hours and dates that they heed, exchange rates."""

from apps.pricing.models.currencies import CurrencyPrecision, ExchangeRate
from apps.pricing.models.hours import Calendar, CalendarDay, CountsAs, Pattern, TimeWindow
from apps.pricing.models.tariffs import (
    CONDITIONS,
    UNCONDITIONAL,
    Crossing,
    PriceGroup,
    Rate,
    Rounding,
    Service,
    Tariff,
    TariffAssignment,
    TariffKind,
    prefix_rule,
)

__all__ = [
    "CONDITIONS",
    "UNCONDITIONAL",
    "Calendar",
    "CalendarDay",
    "CountsAs",
    "Crossing",
    "CurrencyPrecision",
    "ExchangeRate",
    "Pattern",
    "PriceGroup",
    "Rate",
    "Rounding",
    "Service",
    "Tariff",
    "TariffAssignment",
    "TariffKind",
    "TimeWindow",
    "prefix_rule",
]
