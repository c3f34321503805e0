"""A carrier's price list in a browser: uploaded, looked at, applied, undone."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import expect

from apps.cdrs.models import CdrPrice
from apps.config.services import set_value
from apps.invoices.services import payments
from apps.pricelists import tasks
from apps.pricelists.models import ChangeSet
from apps.pricing.models import Tariff
from apps.users.models import Account
from tests.browser.conftest import Visitor

LIST = (
    "Acme Carrier Ltd.;;;;\nDestination;Dial Codes;Rate EUR;Increments;Effective Date\n"
    "Hungary;36;0,0325;60/1;01/12/2026\nHungary mobile;3620, 3630, 3670;0,0912;60/1;31/12/2026\n"
    "France;33;0,0100;1/1;\nAtlantis;99999;7,5;60/60;\n"
)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int | None]]:
    """What Celery is asked to read; the test reads it when it has seen the page that waits."""
    asked: list[tuple[int, int | None]] = []
    monkeypatch.setattr(tasks.carry_out, "delay", lambda pk, by=None: asked.append((pk, by)))
    return asked


def test_a_list_is_uploaded_looked_at_applied_and_undone(
    visitor: Visitor, worker: list[tuple[int, int | None]], tmp_path: Path
) -> None:
    visitor.log_in("admin")
    tariff = Tariff.objects.get(name="Retail")
    CdrPrice.objects.filter(kind="retail").update(tariff_id=tariff.pk)  # the day's calls, for the replay
    file = tmp_path / "acme-2026-12.csv"
    file.write_text(LIST)
    page = visitor.look("admin-list-upload", f"/admin/pricing/tariff/{tariff.pk}/list/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("The columns were guessed")).to_be_visible()
    found = ChangeSet.objects.get()
    visitor.look("admin-list-columns", f"/admin/pricelists/changeset/{found.pk}/columns/")
    expect(page.get_by_label("Rate EUR")).to_have_value("price")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("is being read")).to_be_visible()
    assert worker == [(found.pk, None)]
    visitor.look("admin-list-reading", f"/admin/pricelists/changeset/{found.pk}/change/")
    tasks.carry_out(*worker[-1])
    expect(page.get_by_role("button", name="Apply all changes")).to_be_visible(
        timeout=15_000
    )  # the page went on by itself
    visitor.look("admin-list", f"/admin/pricelists/changeset/{found.pk}/change/")
    expect(page.get_by_text("Atlantis")).to_be_visible()
    page.get_by_role("button", name="Apply all changes").click()
    expect(page.get_by_text("is being applied. This page")).to_be_visible()
    tasks.carry_out(*worker[-1])
    expect(page.get_by_role("button", name="Undo")).to_be_visible(timeout=15_000)
    assert tariff.rates.filter(prefix="99999").exists()
    page.get_by_role("button", name="Undo").click()
    tasks.carry_out(*worker[-1])
    expect(page.get_by_text("Undone by admin")).to_be_visible(timeout=15_000)
    assert not tariff.rates.filter(prefix="99999").exists()
    visitor.look("admin-lists", "/admin/pricelists/changeset/")
    assert not visitor.faults, visitor.faults


def test_prices_are_compared_and_a_large_payment_waits_for_another_person(visitor: Visitor) -> None:
    visitor.log_in("admin")
    page = visitor.look("admin-compare", "/admin/prices/")
    expect(page.get_by_role("cell", name="Hungary mobile").first).to_be_visible()
    page.get_by_label("Destination or number").fill("+36 30 123 4567")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("cell", name="36301234567")).to_be_visible()
    visitor.look("admin-compare-number", "/admin/prices/?q=36301234567")
    dear, cheap = (Tariff.objects.get(name=f"Costs of {one} Carrier") for one in ("Solid", "Budget"))
    CdrPrice.objects.filter(kind="carrier").update(tariff_id=dear.pk)
    page = visitor.look("admin-what-if", f"/admin/what-if/?0-tariff={dear.pk}&0-by={cheap.pk}")
    expect(page.get_by_role("cell", name="All destinations")).to_be_visible()
    set_value(key="approval_payment_limit", value="100")
    customer = Account.objects.get(username="1001")
    approval = payments.ask_for(
        account=customer, amount=Decimal(5000), method="cash", by=Account.objects.get(username="admin")
    )
    visitor.look("admin-approvals", "/admin/approvals/approval/")
    page = visitor.look("admin-approval", f"/admin/approvals/approval/{approval.pk}/change/")
    expect(page.get_by_text("another person has to agree")).to_be_visible()
    page.get_by_placeholder("Comment").fill("a mistake")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("rejected.")).to_be_visible()
    assert not visitor.faults, visitor.faults
