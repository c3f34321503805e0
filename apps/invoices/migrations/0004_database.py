"""Changes of these tables are told to the switch (see `apps.core.notify`), and what runs by the clock; the first of a month begins last at UTC-12."""

from django.db import migrations

from apps.core.jobs import NEEDED, at
from apps.core.notify import notices_of


class Migration(migrations.Migration):
    replaces = [
        ("invoices", "0004_unit_price"),
        ("invoices", "0005_rounding"),
        ("invoices", "0006_rerating"),
        ("invoices", "0007_limits"),
        ("invoices", "0008_credit_and_voucher"),
        ("invoices", "0009_reminders"),
    ]
    dependencies = [
        ("invoices", "0003_holds"),
        NEEDED,
    ]
    operations = [
        notices_of("invoices_usedup", "limits"),
        notices_of("invoices_allowance", "limits"),
        at({"minute": "30", "hour": "15"}, "Invoices of last month", "apps.invoices.tasks.issue_monthly_invoices"),
        at({"minute": "*/10"}, "Invoices that wait for delivery", "apps.invoices.tasks.deliver_waiting_invoices"),
        at({"minute": "15"}, "Fees that are due", "apps.invoices.tasks.charge_fees"),
        at({"minute": "20"}, "Balances that expire", "apps.invoices.tasks.expire_balances"),
        at({"minute": "5", "day_of_month": "1-2"}, "Monthly limits that grow", "apps.invoices.tasks.let_limits_grow"),
        at({"minute": "45", "hour": "6"}, "Reminders of invoices, and late fees", "apps.invoices.tasks.remind_of_invoices"),
        at({"minute": "*/10"}, "Reminders that wait for delivery", "apps.invoices.tasks.deliver_waiting_reminders"),
        at({"minute": "*/10"}, "Re-ratings that wait", "apps.invoices.tasks.reckon_waiting_reratings"),
    ]
