"""Numbers, contacts and ported numbers as an operator and a subscriber see them in a browser."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from apps.config.services import set_value
from apps.dids import services as dids
from apps.portability import services as portability
from apps.users.models import Account
from tests import make
from tests.browser.conftest import Visitor


@pytest.mark.req("did-008", "did-009", "did-012")
def test_a_subscriber_chooses_a_number_and_gives_a_contact_a_shared_one(visitor: Visitor) -> None:
    for last in range(12):
        dids.add(number=f"3621555{last:04}", area="Budapest", monthly_fee=Decimal("1.5"))
    dids.add(number="36213334444", shared=True)
    set_value(key="allowenduserdedit", value="endusers")
    visitor.log_in("1001")
    page = visitor.look("portal-numbers", "/numbers/")
    page.get_by_role("button", name="Show free numbers").click()
    visitor.look("portal-numbers-offered", "/numbers/")
    page.get_by_role("row", name="+36215550003").get_by_role("button", name="Take").click()
    expect(page.get_by_text("+36215550003 is yours.")).to_be_visible()
    visitor.look("portal-numbers-taken", "/numbers/")
    page = visitor.look("portal-contacts", "/contacts/")
    page.get_by_label("Name", exact=True).fill("Cleo")
    page.get_by_label("Number", exact=True).fill("+36 30 123 4567")
    page.get_by_label("Shared number").select_option(label="+36213334444")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Cleo")).to_be_visible()
    visitor.look("portal-contacts-one", "/contacts/")


def test_an_operator_looks_at_numbers_and_ported_numbers(visitor: Visitor) -> None:
    did = dids.add(number="36215550001", area="Budapest", monthly_fee=Decimal("1.5"))
    dids.add(number="36213334444", shared=True)
    dids.assign(did=did, account=Account.objects.get(username="1001"))
    carrier = make.carrier(username="telco-trunk")
    portability.save_operator(code="telco", name="Telco", carrier=carrier)
    ported = portability.port(number="36301234567", code="telco")
    portability.port(number="36301234568", domain="sip.example", port=5080)
    visitor.log_in("admin")
    pages = {
        "admin-numbers": "/admin/dids/did/",
        "admin-number": f"/admin/dids/did/{did.pk}/change/",
        "admin-number-new": "/admin/dids/did/add/",
        "admin-number-assign": f"/admin/dids/did/{did.pk}/assign/",
        "admin-numbers-import": "/admin/dids/did/import-file/",
        "admin-ported": "/admin/portability/portednumber/",
        "admin-ported-number": f"/admin/portability/portednumber/{ported.pk}/change/",
        "admin-operators": "/admin/portability/operator/",
    }
    visitor.walk(pages)
