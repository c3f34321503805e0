"""What an operator sees of screening: lists of numbers, the firewall, bans, callers."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from apps.screening import services
from apps.screening.models import Ban
from tests.browser.conftest import Visitor


def test_the_pages_of_screening_look_right_on_a_screen_and_on_a_phone(visitor: Visitor) -> None:
    now = timezone.now()
    number = services.list_number(number="3690", reason="premium")
    services.list_number(number="36301234567", book="white", level=3)
    services.create_rule(source="203.0.113.0/24", comment="scans")
    services.set_standing(key="36309998877", good=0, expires_at=now + timedelta(days=9))
    Ban.objects.create(
        source="203.0.113.7",
        reason="gave 50 wrong passwords",
        worker="n-1-1",
        banned_at=now,
        until=now + timedelta(hours=1),
    )
    visitor.log_in("admin")
    pages = {
        "admin-screened-numbers": "screenednumber/",
        "admin-screened-number": f"screenednumber/{number.pk}/change/",
        "admin-screened-number-add": "screenednumber/add/",
        "admin-numbers-import": "screenednumber/import/",
        "admin-firewall": "firewallrule/",
        "admin-firewall-add": "firewallrule/add/",
        "admin-bans": "ban/",
        "admin-callers": "callerstanding/",
        "admin-caller-add": "callerstanding/add/",
        "admin-callers-forget": "callerstanding/forget-bad/",
    }
    visitor.walk({name: f"/admin/screening/{path}" for name, path in pages.items()})
    assert not visitor.faults, visitor.faults
