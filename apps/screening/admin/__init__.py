"""Pages of what is screened."""

from apps.screening.admin import alerts, callers, firewall, numbers

__all__ = ["alerts", "callers", "firewall", "numbers"]
