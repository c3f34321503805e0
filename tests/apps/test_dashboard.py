"""The day's totals are in the installation's currency, whatever the payers pay in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from apps.cdrs.queries import traffic
from apps.pricing.models import ExchangeRate
from tests import make

pytestmark = pytest.mark.django_db
DAY = datetime(2026, 3, 10, tzinfo=UTC)


def test_revenue_of_two_currencies_is_converted_before_it_is_added():
    ExchangeRate.objects.create(currency="HUF", valid_from=date(2026, 1, 1), units=400)
    make.call(make.subscriber(), at=DAY, net="1.50")
    make.call(make.subscriber(currency="HUF"), at=DAY + timedelta(hours=1), net="200")
    found = traffic(DAY, DAY + timedelta(days=1))
    assert (found.calls, found.answered, found.revenue) == (2, 2, Decimal("2.00"))
