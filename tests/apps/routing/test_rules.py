"""Route rules and their targets."""

import pytest
from django.core.exceptions import ValidationError

from apps.routing import services
from apps.routing.models import RouteRule, RouteTarget
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.req("routing-026")
def test_a_rule_offers_its_carriers_in_order_of_priority():
    first, second = make.carrier(), make.carrier()
    rule = services.create_rule(
        name="world", targets=[{"carrier": second, "priority": 2}, {"carrier": first, "priority": 1}]
    )
    assert [target.carrier for target in rule.targets.all()] == [first, second]


def test_prefixes_are_kept_in_one_spelling():
    assert make.rule(called_prefixes=" +36, 40 ,,43").called_prefixes == "36,40,43"


def test_what_is_no_prefix_is_refused():
    with pytest.raises(ValidationError):
        make.rule(called_prefixes="36,abc")


def test_only_a_carrier_can_be_a_target_and_then_nothing_is_made():
    with pytest.raises(ValidationError):
        services.create_rule(name="world", targets=[{"carrier": make.subscriber()}])
    assert not RouteRule.objects.exists()


def test_a_carrier_stands_once_in_a_rule():
    carrier = make.carrier()
    rule = make.rule(carrier)
    with pytest.raises(ValidationError):
        services.add_target(rule=rule, carrier=carrier)


def test_a_changed_list_of_targets_takes_the_place_of_the_old_one():
    old, new = make.carrier(), make.carrier()
    rule = make.rule(old)
    services.change_rule(rule=rule, priority=5, targets=[{"carrier": new, "weight": 3}])
    assert (rule.priority, [t.carrier for t in rule.targets.all()]) == (5, [new])


def test_a_change_of_other_fields_leaves_the_targets():
    rule = make.rule(make.carrier())
    services.change_rule(rule=rule, enabled=False)
    assert rule.targets.count() == 1


def test_targets_can_be_changed_and_removed_one_by_one():
    rule = make.rule(make.carrier(), make.carrier())
    first, second = rule.targets.all()
    services.change_target(target=first, enabled=False)
    services.remove_target(target=second)
    assert not RouteTarget.objects.get().enabled
    services.remove_rule(rule=rule)
    assert not RouteTarget.objects.exists()
