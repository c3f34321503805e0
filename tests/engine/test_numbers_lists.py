"""Lists of called numbers: files, look-ups, filter modes, and kinds of numbers that cost a lot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType, number_type, parse

from apps.screening.build import compile_list
from apps.screening.engine.filtering import MODES, Standing, objection
from apps.screening.engine.numbers import Hit, ListError, MappedList
from apps.screening.engine.special import kind_of

NOW = 1_790_000_000.0
Row = tuple[str, int, int, float]


def opened(folder: Path, rows: list[Row]) -> MappedList:
    compile_list(rows, folder / "list")
    return MappedList.open(folder / "list")


@pytest.mark.req("limits-019", "security-093")
def test_the_surest_entry_of_all_prefixes_that_hold_now_for_the_account_counts(tmp_path: Path) -> None:
    found = opened(
        tmp_path,
        [
            ("36", 0, 1, 0),
            ("3690", 0, 3, NOW - 1),
            ("3630", 7, 2, NOW + 1),
            ("3630", 8, 6, 0),
            ("36301", 0, 0, 0),
        ],
    )
    assert found.strongest("36301234567", (1, 7), NOW) == Hit(
        4, 2, 7
    )  # its own, surer than the longer and the shorter
    assert found.strongest("36301234567", (1, 8), NOW) == Hit(4, 6, 8)
    assert found.strongest("36301234567", (1, 9), NOW) == Hit(2, 1, 0)
    assert found.strongest("36301234567", (1, 7), NOW + 1) == Hit(2, 1, 0)  # it has expired this moment
    assert found.strongest("36901234567", (1,), NOW) == Hit(2, 1, 0)
    assert found.strongest("491", (1, 7), NOW) is None
    assert found.strongest("3", (1,), NOW) is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text("0123", min_size=1, max_size=5),
            st.sampled_from([0, 1, 2]),
            st.sampled_from([0, 1, 2, 3, 6]),
        ),
        unique_by=lambda row: row[:2],
    ),
    st.text("0123", max_size=20),
)
def test_a_look_up_finds_what_reading_every_entry_finds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int]], number: str
) -> None:
    found = opened(tmp_path_factory.mktemp("list"), [(*row, 0.0) for row in rows])
    expected = {
        (len(p), level, account) for p, account, level in rows if number.startswith(p) and account in {0, 2}
    }
    assert {tuple(hit) for hit in found.hits(number, (2,), NOW)} == expected


def test_a_list_without_entries_has_no_number(tmp_path: Path) -> None:
    assert opened(tmp_path, []).strongest("3630", (1,), NOW) is None


def test_what_is_no_number_is_not_on_a_list(tmp_path: Path) -> None:
    found = opened(tmp_path, [("1", 0, 6, 0)])
    assert found.strongest("alice", (1,), NOW) is None and found.strongest("", (1,), NOW) is None


def test_a_file_that_was_cut_off_is_not_opened(tmp_path: Path) -> None:
    opened(tmp_path, [("36", 0, 6, 0), ("49", 0, 6, 0)])
    whole = (tmp_path / "list").read_bytes()
    for broken in (whole[:-1], whole[:20], b"x" * len(whole)):
        (tmp_path / "broken").write_bytes(broken)
        with pytest.raises(ListError):
            MappedList.open(tmp_path / "broken")


def test_a_long_list_needs_no_more_steps_than_a_search_takes(tmp_path: Path) -> None:
    """300,000 rows: the entries are found, whole numbers and prefixes alike."""
    chance = random.Random(5)
    numbers = {str(chance.randrange(10**10, 10**11)) for _ in range(300_000)}
    found = opened(tmp_path, [(one, 0, 3, 0) for one in numbers])
    for one in list(numbers)[:2000]:
        assert found.strongest(one, (1, 2, 3), NOW) == Hit(11, 3, 0)
        other = str(int(one) + 1)
        assert (found.strongest(other, (1,), NOW) is not None) is (other in numbers)


BLACK = {level: Standing(Hit(4, level, 0)) for level in (0, 1, 2, 3, 6)}
STOPS = {"no": {6}, "very_sure": {3, 6}, "probable": {2, 3, 6}, "suspicious": {1, 2, 3, 6}, "listed": {0, 1, 2, 3, 6},
         "known": {0, 1, 2, 3, 6}, "surely_known": {0, 1, 2, 3, 6}}  # fmt: skip


@pytest.mark.req("limits-014")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", [0, 1, 2, 3, 6])
def test_each_filter_mode_stops_the_levels_that_the_guide_gives_it(mode: str, level: int) -> None:
    assert bool(objection(mode, BLACK[level])) is (level in STOPS[mode])


@pytest.mark.parametrize(
    ("mode", "white", "stopped"),
    [("no", None, False), ("listed", None, False), ("known", None, True), ("known", 0, False), ("surely_known", None, True),
     ("surely_known", 2, True), ("surely_known", 3, False)],
)  # fmt: skip
def test_the_strictest_modes_take_only_known_numbers(mode: str, white: int | None, stopped: bool) -> None:
    known = Standing(None, None if white is None else Hit(4, white, 0))
    assert bool(objection(mode, known)) is stopped


def test_a_number_of_the_whitelist_passes_all_levels_but_the_one_that_always_blocks() -> None:
    assert not objection("listed", Standing(Hit(4, 3, 0), Hit(6, 3, 0)))
    assert objection("listed", Standing(Hit(4, 6, 0), Hit(6, 3, 0)))


@pytest.mark.parametrize(
    ("number", "kind"),
    [("8816123456", "satellite"), ("870773111222", "satellite"), ("8821612345678", "satellite"), ("3690123456", "premium"),
     ("499001234567", "premium"), ("49900123456789", "premium"), ("19005551234", "premium"), ("979123456789", "premium"), ("36301234567", ""),
     ("442079461001", ""), ("112", ""), ("1001", ""), ("88299123", "")],
)  # fmt: skip
def test_the_kind_of_a_number(number: str, kind: str) -> None:
    assert kind_of(number) == kind


def test_no_countrys_premium_numbers_slip_through_the_pattern_that_spares_others() -> None:
    """`phonenumbers` itself says what its examples are; with up to three digits more they stay what they are."""
    seen = 0
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        for plan in (PhoneMetadata.metadata_for_region_or_calling_code(code, one) for one in regions):
            for sort in (plan.premium_rate, plan.mobile, plan.fixed_line) if plan else ():
                if sort is None or not sort.example_number:
                    continue
                number = f"{code}{sort.example_number}"
                whole = number_type(parse("+" + number)) == PhoneNumberType.PREMIUM_RATE
                seen += whole
                assert not whole or {kind_of(number), kind_of(number + "123")} == {"premium"}, number
    assert seen > 100
