"""What a call costs, how long a budget lasts, and which rate holds for a number. Pure: values in, values out.

Money is in micros (millionths of a currency unit), prices in micros per minute, times in epoch
seconds, durations in whole seconds.
"""

from apps.pricing.engine.duration import LONGEST, duration_seconds, highest, max_duration
from apps.pricing.engine.rates import ALWAYS, NEVER, Rate, band_of, bands_of, select
from apps.pricing.engine.rating import NOTHING, Charge, band_for, rate
from apps.pricing.engine.reductions import commission_from_profit, commission_share, discount_for
from apps.pricing.engine.terms import MILLION, Band, Crossing, Terms, Tier, tiers

__all__ = [
    "ALWAYS",
    "LONGEST",
    "MILLION",
    "NEVER",
    "NOTHING",
    "Band",
    "Charge",
    "Crossing",
    "Rate",
    "Terms",
    "Tier",
    "band_for",
    "band_of",
    "bands_of",
    "commission_from_profit",
    "commission_share",
    "discount_for",
    "duration_seconds",
    "highest",
    "max_duration",
    "rate",
    "select",
    "tiers",
]
