"""The verbs of prices: the only writers of `apps.pricing.models`."""

from apps.pricing.errors import ImportRefused, PricingError
from apps.pricing.services.exchange import import_exchange_rates, load_ecb, set_exchange_rate, set_precision
from apps.pricing.services.exports import export_rates
from apps.pricing.services.hours import save_calendar, save_day, save_window
from apps.pricing.services.imports import ImportResult, import_rates
from apps.pricing.services.reviewed import add_or_ask, change_or_ask, needs_second_person
from apps.pricing.services.tariffs import (
    add_rate,
    assign_tariff,
    change_assignment,
    change_rate,
    change_tariff,
    clone_tariff,
    create_tariff,
    remove_assignment,
    remove_rate,
    unassign_tariff,
)

__all__ = [
    "ImportRefused",
    "ImportResult",
    "PricingError",
    "add_or_ask",
    "add_rate",
    "assign_tariff",
    "change_assignment",
    "change_or_ask",
    "change_rate",
    "change_tariff",
    "clone_tariff",
    "create_tariff",
    "export_rates",
    "import_exchange_rates",
    "import_rates",
    "load_ecb",
    "needs_second_person",
    "remove_assignment",
    "remove_rate",
    "save_calendar",
    "save_day",
    "save_window",
    "set_exchange_rate",
    "set_precision",
    "unassign_tariff",
]
