"""Money in the admin: what was paid and invoiced, what is owed again and again, and what accounts have used."""

from apps.invoices.admin import allowances, documents, fees, reminders, usage

__all__ = ["allowances", "documents", "fees", "reminders", "usage"]
