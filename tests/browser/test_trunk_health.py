"""What an operator sees at night when a trunk is out, and the one click that puts it back."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from apps.routing.health import services
from apps.routing.health.engine import Tally
from apps.routing.models import TrunkHealth
from apps.users.models import Account
from tests.browser.conftest import Visitor

WHY = "32 calls one after the other were not answered"


@pytest.mark.req("failover-007", "failover-026")
def test_an_operator_sees_why_a_trunk_is_out_and_sets_it_free(visitor: Visitor) -> None:
    now = time.time()
    bad, fair, good = (
        Account.objects.get(username=f"carrier-{name}") for name in ("budget", "solid", "premium")
    )
    fine = Tally(attempts=220, answered=150, lasted=140, ended=140, seconds=25_000, failed=2)
    for hours in range(20, 0, -1):
        services.observe(tallies={(bad.pk, ""): fine}, now=now - 3600 * hours)
    services.observe(tallies={(bad.pk, ""): Tally(attempts=30, failed=30)}, now=now)
    services.observe(tallies={(fair.pk, "4930"): Tally(attempts=60, answered=2, failed=9)}, now=now)
    services.observe(tallies={(good.pk, ""): fine}, now=now)
    visitor.log_in("admin")

    page = visitor.look("admin-dashboard-trunks", "/admin/")
    expect(page.get_by_role("link", name="Trunks that are passed over")).to_be_visible()
    expect(page.get_by_text("ASR 3 % of 60 calls in 60 minutes")).to_be_visible()
    visitor.look("admin-trunk-events", "/admin/routing/trunkevent/")
    health = TrunkHealth.objects.get(carrier=bad)
    page = visitor.look("admin-trunk-health", f"/admin/routing/trunkhealth/{health.pk}/change/")
    expect(page.get_by_text(WHY).first).to_be_visible()
    page = visitor.look("admin-trunks", "/admin/routing/trunkhealth/")
    expect(page.get_by_text(WHY)).to_be_visible()
    page.get_by_role("row").filter(has_text=WHY).get_by_role("button", name="Set free").click()
    expect(page.get_by_text("carrier-budget is routed to again.")).to_be_visible()
    health.refresh_from_db()
    assert health.state == "good"
    assert not visitor.faults, visitor.faults
