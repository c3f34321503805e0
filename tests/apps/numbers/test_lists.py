"""Lists of numbers in the office: what can be stored, and what the switch gets of it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from apps.numbers import snapshot
from apps.numbers.engine.lists import Lists
from apps.numbers.models import NumberList
from apps.numbers.services import lists as services
from switch.world.parts import parts_of
from tests import make

pytestmark = pytest.mark.django_db


def numbers_of(one: NumberList) -> list[str]:
    return list(one.numbers.order_by("number").values_list("number", flat=True))


def test_numbers_are_stored_as_digits_each_once() -> None:
    made = services.create_list(name="ours", numbers=["+36 (1) 200-0001", "3612000001", "3612000002"])
    assert numbers_of(made) == ["3612000001", "3612000002"]


def test_putting_numbers_replaces_those_that_were_there() -> None:
    made = services.create_list(name="ours", numbers=["1", "2"])
    assert services.put_numbers(number_list=made, numbers=["2", "3"]) == 2
    assert numbers_of(made) == ["2", "3"]


@pytest.mark.parametrize("wrong", ["bob", "", "1" * 33, "12\n34x"])
def test_what_is_no_number_is_refused_and_nothing_is_stored(wrong: str) -> None:
    made = services.create_list(name="ours", numbers=["1"])
    with pytest.raises(ValidationError) as refused:
        services.put_numbers(number_list=made, numbers=["2", wrong])
    assert "numbers" in refused.value.message_dict and numbers_of(made) == ["1"]


@pytest.mark.parametrize("name", ["", "Ours", "1st", "a b", "ours"])
def test_a_name_is_a_word_that_no_other_list_has(name: str) -> None:
    services.create_list(name="ours")
    with pytest.raises(ValidationError) as refused:
        services.create_list(name=name)
    assert "name" in refused.value.message_dict


def test_the_switch_gets_lists_with_their_numbers() -> None:
    company = make.company()
    services.create_list(name="ours", purpose="caller", account=company, numbers=["3612", "3611"])
    found = Lists()
    found.take("lists", list(snapshot.lists()))
    found.take("listed_numbers", list(snapshot.listed_numbers()))
    assert found.by_name["ours"].numbers == ["3611", "3612"] and found.may_show("3611", (company.pk,))
    assert parts_of(["numbers"]) == {"numbers"}
