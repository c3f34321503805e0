"""Prices in the admin, one module for each part of `apps.pricing.models`."""

from apps.pricing.admin import currencies, hours, tariffs

__all__ = ["currencies", "hours", "tariffs"]
