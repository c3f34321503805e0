"""What would stop the calls of an account."""

from dataclasses import replace
from decimal import Decimal

import pytest

from apps.config.registry import defaults
from apps.desk.findings import STOPS, WARNS, Facts, Payer, findings

ADA = Payer("ada", "retail", "prepaid", Decimal(5), Decimal(0), Decimal(0), "Gold")
GOOD = Facts("subscriber", True, settings=defaults(), has_secret=True, phones=1, payers=(ADA,), rules=1)
TRUNK = replace(GOOD, kind="customer_trunk", has_secret=False, addresses=1, phones=0)
CARRIER = Facts("carrier", True, settings=defaults(), has_trunk=True, has_tariff=True, rules=1, answers=True)


def own(**values):
    return defaults() | values


@pytest.mark.parametrize("facts", [GOOD, TRUNK, CARRIER, replace(GOOD, kind="sales", payers=())])
def test_nothing_is_wrong_with_an_account_that_works(facts):
    assert findings(facts) == []


@pytest.mark.req("admin-ui-069")
@pytest.mark.parametrize(
    ("facts", "weight", "words"),
    [
        (replace(GOOD, enabled=False), STOPS, "is disabled"),
        (replace(GOOD, disabled_above=("shop",)), STOPS, "shop above it is disabled"),
        (replace(GOOD, has_secret=False), STOPS, "no SIP password"),
        (replace(TRUNK, addresses=0), STOPS, "no source address"),
        (replace(TRUNK, settings=own(needauth="prefix")), STOPS, "by a tech prefix"),
        (replace(GOOD, settings=own(needauth="open")), WARNS, "open relay"),
        (replace(GOOD, phones=0), WARNS, "has ever registered"),
        (replace(GOOD, phones=0, ever_seen=True), WARNS, "No phone is registered"),
        (replace(GOOD, phones=None), WARNS, "Redis"),
        (replace(GOOD, settings=own(donotdisturb=True)), WARNS, "disturbed"),
        (replace(GOOD, calls=2, max_calls=2), STOPS, "2 calls at once"),
        (replace(GOOD, used_up=("maxslperday",)), STOPS, "maxslperday"),
        (replace(GOOD, payers=(replace(ADA, tariff=""),)), STOPS, "ada has no retail tariff"),
        (replace(GOOD, payers=(replace(ADA, held=Decimal(5)),)), STOPS, "ada has nothing left"),
        (replace(GOOD, payers=(ADA, replace(ADA, username="shop", kind="reseller", tariff=""))), STOPS, "shop has no reseller tariff"),
        (replace(GOOD, payers=()), STOPS, "Nobody would pay"),
        (replace(GOOD, rules=0), STOPS, "No route rule"),
        (replace(CARRIER, has_trunk=False), STOPS, "no trunk"),
        (replace(CARRIER, has_tariff=False), STOPS, "no tariff"),
        (replace(CARRIER, rules=0), STOPS, "No route rule offers"),
        (replace(CARRIER, answers=False), STOPS, "does not answer"),
        (replace(CARRIER, calls=30, max_calls=30), STOPS, "30 lines"),
    ],
)  # fmt: skip
def test_each_thing_that_is_wrong_is_named_alone(facts, weight, words):
    found = findings(facts)
    assert [one.weight for one in found] == [weight] and words in found[0].text


def test_a_postpaid_account_spends_its_credit():
    postpaid = replace(ADA, billing="postpaid", amount=Decimal(-9), credit_limit=Decimal(10))
    assert postpaid.spendable == 1 and findings(replace(GOOD, payers=(postpaid,))) == []


def test_what_stops_calls_stands_first():
    found = findings(replace(GOOD, phones=0, rules=0))
    assert [one.weight for one in found] == [STOPS, WARNS]
