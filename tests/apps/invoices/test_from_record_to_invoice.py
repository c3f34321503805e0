"""A call record of the switch becomes a line of an invoice, and the ledger and the invoice agree."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.cdrs.services import forget_months
from apps.invoices.models import Balance
from apps.invoices.services.issuing import issue
from apps.invoices.services.settlement import settle
from tests import charging, make

pytestmark = pytest.mark.django_db


def test_what_the_balance_paid_is_what_the_invoice_says():
    forget_months()
    account = make.subscriber(parent=make.company(), balance="100")
    now = datetime.now(UTC)
    call = charging.record(
        account, seconds=10, destination="Hungary mobile", started=(now - timedelta(hours=1)).timestamp()
    )
    assert settle(records=[call]).rejected == []
    invoice = issue(account=account, period_start=now - timedelta(hours=2), period_end=now)
    line = invoice.lines.get()
    assert (line.text, line.calls, line.seconds, line.net) == ("Calls to Hungary mobile", 1, 10, Decimal(10))
    assert Balance.objects.get(account=account).amount == 100 - invoice.gross
    forget_months()
