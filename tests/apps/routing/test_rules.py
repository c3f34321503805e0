"""Route rules and their targets."""

import json
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError

from apps.core.values.windows import Hours
from apps.core.values.windows import TimeWindow as Span
from apps.groups import services as groups
from apps.groups.models import AccountGroup
from apps.pricing import services as pricing
from apps.pricing.models import TimeWindow
from apps.routing import services, snapshot
from apps.routing.models import RouteRule, RouteTarget
from switch.world.rows import rule_of
from tests import make

pytestmark = pytest.mark.django_db


@pytest.mark.req("routing-002", "routing-026")
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


@pytest.mark.req("routing-027", "routing-073", "routing-098")
def test_a_rule_without_carriers_and_with_the_last_word_is_a_null_route():
    rule = services.create_rule(name="no Cuba", called_prefixes="53", final=True, priority=1)
    [row] = [row for row in snapshot.rules() if row[0] == rule.pk]
    assert (row[3], row[5]) == ([], True)


@pytest.mark.req("routing-029")
def test_a_rules_conditions_and_its_targets_limits_reach_the_switch_as_they_are():
    window = TimeWindow.objects.create(name="work", weekdays=31, starts="08:00", ends="18:00")
    holidays = pricing.save_calendar(name="holidays", country="HU")
    until = datetime(2026, 12, 1, tzinfo=UTC)
    carrier, group = make.carrier(), AccountGroup.objects.create(name="premium")
    rule = services.create_rule(
        groups=[group],
        name="sms", service="sms", tech_prefixes="987, 988", calendars=[holidays], window=window, strategy="",
        targets=[{"carrier": carrier, "share": 30, "max_calls": 5, "calls_per_second": 2, "window": window,
                  "full_until": until, "last_resort": True}],
    )  # fmt: skip
    [row] = snapshot.rules()
    found = rule_of(json.loads(json.dumps(row)))
    [target] = found.targets
    assert (found.service, found.tech_prefixes, found.calendars) == ("sms", ("987", "988"), (holidays.pk,))
    assert found.groups == frozenset({group.pk})
    assert found.window == target.window == Hours((Span(31, 480, 1080),))
    assert target[:7] == (carrier.pk, 1, 1, rule.targets.get().pk, 30, 5, 2)
    assert (target.full_until, target.last_resort, found.strategy) == (int(until.timestamp()), True, "")


@pytest.mark.parametrize("field", ["tech_prefixes", "called_prefixes", "caller_prefixes"])
def test_what_is_no_list_of_prefixes_is_refused(field: str):
    with pytest.raises(ValidationError):
        make.rule(**{field: "12,x"})


@pytest.mark.parametrize("share", [-1, 101])
def test_a_share_is_a_percentage(share: int):
    with pytest.raises(ValidationError):
        services.add_target(rule=make.rule(), carrier=make.carrier(), share=share)


def test_a_rule_leads_to_subscribers_and_groups_and_the_switch_hears_of_it():
    ada, group = make.subscriber(), AccountGroup.objects.create(name="desk")
    window = TimeWindow.objects.create(name="work", weekdays=31, starts="08:00", ends="18:00")
    targets = [
        {"group": group, "priority": 2, "window": window},
        {"subscriber": ada},
        {"enabled": False, "subscriber": make.subscriber()},
    ]
    rule = services.create_rule(name="desk", together=True, targets=targets)
    [row] = snapshot.rules()
    found = rule_of(json.loads(json.dumps(row)))
    assert (found.targets, found.together) == ((), True)
    hours = Hours((Span(31, 480, 1080),))
    assert [tuple(one) for one in found.inside] == [(ada.pk, 0, 1, None), (0, group.pk, 2, hours)]
    assert str(rule.targets.get(group=group)) == "desk → desk"


@pytest.mark.parametrize(
    "wrong",
    [
        {"subscriber": make.carrier},
        {"carrier": make.subscriber},
        {},
        {"carrier": make.carrier, "subscriber": make.subscriber},
        {"subscriber": make.subscriber, "share": 10},
        {"subscriber": make.subscriber, "max_calls": 1},
    ],
)
def test_a_target_is_one_of_three_and_has_limits_only_where_a_carrier_has_them(wrong):
    fields = {name: value() if callable(value) else value for name, value in wrong.items()}
    with pytest.raises(ValidationError):
        services.add_target(rule=make.rule(), **fields)


def test_a_rule_does_not_mix_carriers_with_subscribers():
    rule = make.rule(make.carrier())
    with pytest.raises(ValidationError):
        services.add_target(rule=rule, subscriber=make.subscriber())
    inside = services.create_rule(name="desk", targets=[{"subscriber": make.subscriber()}])
    with pytest.raises(ValidationError):
        services.add_target(rule=inside, carrier=make.carrier())


def test_a_group_to_which_a_rule_leads_cannot_be_removed():
    group = AccountGroup.objects.create(name="desk")
    services.create_rule(name="front", targets=[{"group": group}])
    with pytest.raises(ValidationError, match="front → desk"):
        groups.remove_group(group=group)
