"""An operator asks in a browser where a call would go."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from apps.cdrs.models import Cdr
from apps.routing.models import BestRoute, RouteRule
from apps.users.models import Account
from tests.answering import Worker
from tests.browser.conftest import Visitor

NUMBER = "36201234567"


def test_where_a_call_would_go_is_asked_and_shown(visitor: Visitor, tmp_path: Path) -> None:
    visitor.log_in("admin")
    subscriber = Account.objects.get(username="1001")
    carriers = Account.objects.filter(kind="carrier").order_by("username")
    worker = Worker(subscriber, *carriers, folder=tmp_path)
    try:
        page = visitor.look("admin-where", "/admin/where/")
        page.get_by_label("Calling account").fill("1001")
        page.get_by_label("Number as dialled").fill(f"+{NUMBER}")
        page.get_by_role("button", name="Ask the switch").click()
        expect(page.get_by_role("heading", name=f"It would go to {carriers[0].username}")).to_be_visible()
        expect(page.get_by_text("least cost: 0.03 before 0.04")).to_be_visible()
        visitor.look("admin-where-asked", f"/admin/where/?caller=1001&called=%2B{NUMBER}")
        visitor.look("admin-where-refused", "/admin/where/?caller=1001&called=4420")
        call = Cdr.objects.filter(carrier__isnull=False).latest("started_at")
        visitor.look("admin-call-why", f"/admin/calls/{call.pk}/why/")
    finally:
        worker.stop()
    assert not visitor.faults, visitor.faults


def test_a_rule_with_all_its_limits_and_the_figures_of_a_route_fit_on_a_screen(visitor: Visitor) -> None:
    visitor.log_in("admin")
    rule = RouteRule.objects.earliest("id")
    best = BestRoute.objects.create(
        carrier=Account.objects.filter(kind="carrier").earliest("id"), prefix="3620"
    )
    visitor.look("admin-route-limits", f"/admin/routing/routerule/{rule.pk}/change/")
    visitor.look("admin-routes", "/admin/routing/routerule/?q=36201234567")
    visitor.look("admin-best-route", f"/admin/routing/bestroute/{best.pk}/change/")
    visitor.look("admin-best-routes", "/admin/routing/bestroute/")
