"""Lists of numbers, rewrite rules and the page on which a number is tried, as an operator sees them in a browser."""

from __future__ import annotations

from playwright.sync_api import expect

from apps.numbers.services import rules
from apps.numbers.services.lists import create_list
from apps.users.models import Account
from tests.browser.conftest import Visitor


def test_an_operator_makes_a_rule_and_tries_a_number_on_it(visitor: Visitor) -> None:
    carrier = Account.objects.get(username="carrier-solid")
    pool = create_list(
        name="office",
        purpose="caller",
        note="block of our carrier",
        numbers=[str(442079460100 + one) for one in range(40)],
    )
    rules.create_rule(
        name="caller from the office's block", data="caller", action="replace", put="{pick('office')}"
    )
    rules.create_rule(
        name="00 for solid", called=carrier, data="sent", action="insert", put="00", priority=200
    )
    rules.create_rule(
        name="no premium numbers", called_prefixes="36900, 44909", target="reject", put="sorry", priority=1
    )
    rules.create_prefix_rule(rewrite_from="011", priority=5)
    visitor.log_in("admin")
    page = visitor.look("rewrite-rule-add", "/admin/numbers/rewriterule/add/")
    page.get_by_label("Name").fill("home numbers")
    page.locator("[name=check_kind]").select_option("begins")
    page.locator("[name=against]").fill("06")
    page.locator("[name=action]").select_option("beginning")
    page.locator("[name=find]").fill("06")
    page.locator("[name=put]").fill("36")
    page.locator("button[name=_save], input[name=_save]").first.click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    pages = {
        "rewrite-rules": "rewriterule/",
        "prefix-rules": "prefixrule/",
        "number-lists": "numberlist/",
        "number-list": f"numberlist/{pool.pk}/change/",
        "try-a-number-empty": "try/",
    }
    visitor.walk({name: f"/admin/numbers/{path}" for name, path in pages.items()})
    page = visitor.look(
        "try-a-number", "/admin/numbers/try/?caller=1001&dialled=01106201234567&carrier=carrier-solid"
    )
    expect(page.get_by_text("Rule home numbers: called 06201234567 → 36201234567.")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("36201234567")
    assert not visitor.faults, visitor.faults
