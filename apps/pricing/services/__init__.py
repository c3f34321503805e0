"""The verbs of prices: the only writers of `apps.pricing.models`."""

from apps.pricing.errors import ImportRefused, PricingError
from apps.pricing.services.exports import export_rates
from apps.pricing.services.hours import save_calendar, save_day, save_window
from apps.pricing.services.imports import ImportResult, import_rates
from apps.pricing.services.tariffs import (
    add_rate,
    assign_tariff,
    change_assignment,
    change_rate,
    change_tariff,
    create_tariff,
    remove_rate,
    unassign_tariff,
)

__all__ = [
    "ImportRefused",
    "ImportResult",
    "PricingError",
    "add_rate",
    "assign_tariff",
    "change_assignment",
    "change_rate",
    "change_tariff",
    "create_tariff",
    "export_rates",
    "import_rates",
    "remove_rate",
    "save_calendar",
    "save_day",
    "save_window",
    "unassign_tariff",
]
