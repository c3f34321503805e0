"""Runs of similar numbers, and wrong numbers that are nearly the same."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from apps.screening.engine.scanning import WrongNumbers, longer


def run(mode: str, numbers: Sequence[int | str]) -> int:
    found, last = 0, ""
    for number in map(str, numbers):
        found = longer(found, last, number, mode)
        last = number
    return found


@pytest.mark.req("fraud-003")
@pytest.mark.parametrize(
    ("mode", "numbers", "length"),
    [
        ("strict", [3630100, 3630101, 3630102], 2),
        ("strict", [3630100, 3630109], 1),
        ("strict", [3630100, 3630110], 0),
        ("strict", [3630100, 3630500], 0),
        ("general", [3630100, 3630101, 3630102], 6),
        ("general", [3630100, 3630102, 3630104], 2),
        ("general", [3630100, 3630129], 1),
        ("general", [3630100, 3630130], 1),  # one digit
        ("general", [3630100, 3630131], 0),
        ("general", [3630100, 3930100], 1),  # one digit, though far away
        ("general", [3630100, 3630099], 3),
        ("general", [3630100, 3630100, 3630100], 0),
        ("general", [3630100, 3630101, 3630101, 3630102], 6),
        ("general", [3630100, 3630101, 4912345, 4912346], 3),
        ("general", [3630100, 36301000], 0),
        ("general", ["alice", "alicf"], 0),
    ],
)
def test_a_run_grows_by_what_the_mode_calls_similar_and_ends_with_anything_else(
    mode: str, numbers: list[int | str], length: int
) -> None:
    assert run(mode, numbers) == length


@pytest.mark.req("limits-029", "limits-030")
def test_wrong_numbers_are_alike_but_for_their_last_two_digits_and_the_oldest_are_forgotten() -> None:
    wrong = WrongNumbers()
    for number in ("3630111", "3630122", "3630199", "4930111"):
        wrong.add(number, 4)
    assert (wrong.like("3630155"), wrong.like("4930100"), wrong.like("3640111")) == (3, 1, 0)
    wrong.add("111", 4)
    assert (wrong.like("3630155"), wrong.like("111"), wrong.like("112")) == (2, 1, 0)
    for _ in range(4):
        wrong.add("5", 4)
    assert (wrong.like("3630155"), wrong.like("5")) == (0, 4)
