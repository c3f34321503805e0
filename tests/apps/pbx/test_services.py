"""Forwards, ring groups and short numbers: what the services take, and how it reaches the switch."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.pbx import services, snapshot
from apps.pbx.models import Forward, SpeedDial
from apps.users.models import Account
from apps.users.queries import settings_of
from switch.world.parts import parts_of
from tests import make

pytestmark = pytest.mark.django_db


def own(account: Account, key: str) -> Any:
    return next(one.value for one in settings_of(account) if one.definition.key == key)


@pytest.mark.req("pbx-014", "pbx-021")
def test_a_second_forward_of_a_case_takes_the_place_of_the_first() -> None:
    account = make.subscriber()
    services.set_forward(account=account, kind="busy", number="+36 (1) 234-5678")
    services.set_forward(account=account, kind="busy", number="1002", seconds=9)
    services.set_forward(account=account, kind="always", number="1003", enabled=False)
    assert list(snapshot.forwards()) == [(account.pk, "busy", "1002", 9)]


def test_numbers_are_kept_as_they_are_dialled() -> None:
    forward = services.set_forward(account=make.subscriber(), kind="busy", number="+36 (1) 234-5678")
    assert forward.number == "+3612345678"


@pytest.mark.parametrize("number", ["", "two words", "<sip:x>", "a\r\nb", "x" * 65])
def test_what_is_no_number_is_no_forward(number: str) -> None:
    with pytest.raises(ValidationError):
        services.set_forward(account=make.subscriber(), kind="busy", number=number)
    assert not Forward.objects.exists()


def test_nobody_forwards_to_itself_and_trunks_forward_nothing() -> None:
    account = make.subscriber()
    with pytest.raises(ValidationError):
        services.set_forward(account=account, kind="always", number=account.username)
    with pytest.raises(ValidationError):
        services.set_forward(account=make.carrier(), kind="always", number="1001")


def test_the_members_of_a_group_are_told_in_their_order_and_replaced_as_a_whole() -> None:
    account = make.subscriber()
    services.set_ring_group(account=account, members=[{"number": "old"}])
    services.set_ring_group(
        account=account,
        mode="serial",
        own_phones=False,
        members=[{"number": "1002", "ring_seconds": 9}, {"number": "1003", "delay_seconds": 2}],
    )
    assert list(snapshot.ring_groups()) == [(account.pk, "serial", False, [("1002", 0, 9), ("1003", 2, 0)])]


def test_a_bad_member_leaves_the_group_as_it_was() -> None:
    account = make.subscriber()
    services.set_ring_group(account=account, members=[{"number": "1002"}])
    with pytest.raises(ValidationError):
        services.set_ring_group(account=account, mode="serial", members=[{"number": "1003"}, {"number": "?"}])
    assert list(snapshot.ring_groups()) == [(account.pk, "parallel", True, [("1002", 0, 0)])]


def test_a_group_is_not_larger_than_phones_may_ring_at_once() -> None:
    account = make.subscriber()
    with pytest.raises(ValidationError):
        services.set_ring_group(account=account, members=[{"number": str(9000 + n)} for n in range(51)])


def test_every_change_is_told_to_the_switch() -> None:
    assert parts_of(["features"]) == {"features"}


def test_a_short_number_is_changed_and_removed() -> None:
    account = make.subscriber()
    services.set_speed_dial(account=account, code="7", number="1002")
    services.set_speed_dial(account=account, code="7", number="1003")
    assert list(snapshot.speed_dials()) == [(account.pk, "7", "1003")]
    services.remove_speed_dial(account=account, code="7")
    assert not SpeedDial.objects.exists()


def test_an_order_of_a_phone_is_carried_out_and_may_come_twice() -> None:
    account = make.subscriber()
    order = {"account": account.pk, "what": "forward", "kind": "always", "number": "1002"}
    assert services.carry_out(order=order) == services.carry_out(order=order) == ""
    assert account.forwards.get().number == "1002"
    assert services.carry_out(order=order | {"number": ""}) == ""
    assert not account.forwards.exists()
    assert (
        services.carry_out(
            order={"account": account.pk, "what": "switch", "key": "donotdisturb", "value": True}
        )
        == ""
    )
    assert own(account, "donotdisturb") is True


@pytest.mark.parametrize(
    "order", [{"what": "forward", "kind": "never", "number": "1"}, {"what": "switch", "key": "currency", "value": 1}, {},
              {"what": "forward", "kind": "always", "number": "not a number"}]
)  # fmt: skip
def test_an_order_that_may_not_be_is_refused_in_words(order: dict[str, Any]) -> None:
    assert services.carry_out(order={"account": make.subscriber().pk} | order)
    assert services.carry_out(order=order) and not Forward.objects.exists()
