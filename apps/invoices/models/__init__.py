"""Money: balances and what explains them, documents, and what limits are counted by."""

from apps.invoices.models.allowances import (
    Allowance,
    AllowanceHold,
    AllowanceKind,
    AllowanceState,
    AllowanceUse,
)
from apps.invoices.models.expiry import Expiry
from apps.invoices.models.fees import Fee, FeeCharge
from apps.invoices.models.money import (
    Balance,
    DocumentType,
    EntryKind,
    Hold,
    Invoice,
    InvoiceLine,
    LedgerEntry,
    NumberSeries,
    Payment,
    PaymentMethod,
)
from apps.invoices.models.reminders import LateFee, Reminder
from apps.invoices.models.usage import Growth, Usage, UsedUp

__all__ = [
    "Allowance",
    "AllowanceHold",
    "AllowanceKind",
    "AllowanceState",
    "AllowanceUse",
    "Balance",
    "DocumentType",
    "EntryKind",
    "Expiry",
    "Fee",
    "FeeCharge",
    "Growth",
    "Hold",
    "Invoice",
    "InvoiceLine",
    "LateFee",
    "LedgerEntry",
    "NumberSeries",
    "Payment",
    "PaymentMethod",
    "Reminder",
    "Usage",
    "UsedUp",
]
