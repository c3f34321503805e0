"""Lists of numbers: membership, lots and longest prefixes, and who may show which number."""

from __future__ import annotations

from collections import Counter

from apps.numbers.engine.lists import Lists

HOUSE, RESELLER, ADA, EVE = 1, 2, 3, 4


def lists() -> Lists:
    made = Lists()
    made.take(
        "lists",
        [(1, "ours", "caller", None), (2, "of_reseller", "caller", RESELLER), (3, "odd", "lookup", None)],
    )
    made.take(
        "listed_numbers",
        [(1, "3612000001"), (1, "3612000002"), (1, "4912345"), (2, "4420"), (3, "36"), (3, "3670")],
    )
    return made


def test_a_number_is_in_a_list_or_not() -> None:
    ours = lists().by_name["ours"]
    assert "3612000001" in ours
    assert "361200000" not in ours and "36120000011" not in ours and "" not in ours


def test_the_longest_entry_that_a_number_begins_with_is_found() -> None:
    odd = lists().by_name["odd"]
    assert odd.longest_prefix("36701234567") == "3670"
    assert odd.longest_prefix("36201234567") == "36"
    assert odd.longest_prefix("49") == ""


def test_a_lot_draws_every_number_equally_often() -> None:
    ours = lists().by_name["ours"]
    assert Counter(ours.draw(chance) for chance in range(300)) == dict.fromkeys(ours.numbers, 100)


def test_a_lot_can_be_kept_to_numbers_that_begin_alike() -> None:
    ours = lists().by_name["ours"]
    assert {ours.draw(chance, "36") for chance in range(50)} == {"3612000001", "3612000002"}
    assert {ours.draw(chance, "49") for chance in range(50)} == {"4912345"}
    assert ours.draw(7, "1") == ""


def test_only_an_account_and_who_is_below_it_may_use_a_pool() -> None:
    made = lists()
    assert made.pool("of_reseller", (HOUSE, RESELLER, ADA)) is not None
    assert made.pool("of_reseller", (HOUSE, EVE)) is None
    assert made.may_show("4420", (HOUSE, RESELLER, ADA)) and not made.may_show("4420", (HOUSE, EVE))
    assert made.may_show("4912345", (HOUSE, EVE))


def test_a_list_for_looking_up_gives_no_right_to_show_its_numbers() -> None:
    made = lists()
    assert made.pool("odd", (HOUSE,)) is None and not made.may_show("3670", (HOUSE,))
