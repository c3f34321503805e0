"""Normalisation: each level, each setting, and the worked example of the guide (2464-2678)."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.values.digits import is_digits
from apps.numbers.engine import countries
from apps.numbers.engine.normalise import AUTO, Normaliser, Plan, levels, normalise
from apps.numbers.engine.prefixes import PatternRewrite, PrefixChange

DEFAULT = Plan()


def plan(
    preset: str = "default", clean: str = "auto", level: str = "auto", national: str = "auto", **more: object
) -> Plan:
    first, second, third = levels(preset, clean, level, national)
    return replace(Plan(clean=first, level=second, national=third), **more)  # type: ignore[arg-type]


def number(dialled: str, by: Plan = DEFAULT) -> str:
    return normalise(dialled, by).number


def refused(dialled: str, by: Plan = DEFAULT) -> bool:
    return bool(normalise(dialled, by).problem)


# the example


@pytest.mark.req("numbers-021")
@pytest.mark.parametrize("dialled", ["+40721234567", "0040721234567", "40721234567", "0721234567"])
def test_the_guides_example_makes_one_number_of_all_forms_and_sends_it_with_00(dialled: str) -> None:
    example = plan(
        "normal",
        level="more",
        incoming=PrefixChange(remove=("00", "+"), add="4", if_begins="07"),
        outgoing=PrefixChange(add="00", if_begins_not="00"),
    )
    assert number(dialled, example) == "40721234567"
    assert example.outgoing.apply("40721234567") == "0040721234567"


# presets and levels


@pytest.mark.req("numbers-006", "numbers-005", "security-095")
@pytest.mark.parametrize(
    ("preset", "three"),
    [
        ("default", (3, 2, AUTO)),
        ("untouched", (0, 0, 0)),
        ("minimal", (1, 1, 1)),
        ("basic", (2, 1, 1)),
        ("normal", (3, 2, 1)),
        ("strict", (4, 3, 2)),
        ("extra", (5, 4, 3)),
    ],
)
def test_a_preset_sets_three_levels_and_each_may_be_set_by_itself(
    preset: str, three: tuple[int, ...]
) -> None:
    assert levels(preset, "auto", "auto", "auto") == three
    assert levels(preset, "extreme", "no", "extra") == (5, 0, 2)


GERMAN = {"region": "DE", "areas": ("30",)}


@pytest.mark.req("numbers-006", "numbers-014", "numbers-030")
@pytest.mark.parametrize(
    ("preset", "dialled", "wanted"),
    [
        ("untouched", "00 49(30)", "00 49(30)"),
        ("minimal", " 00493012345678\n", "00493012345678"),
        ("minimal", "+493012345678", "+493012345678"),
        ("basic", "0049-3012345678", "0049-3012345678"),
        ("default", "+49 (30) 1234-5678", "493012345678"),
        ("default", "030 12345678", "493012345678"),
        ("normal", "0049.3012345678", "493012345678"),
        ("normal", "03012345678", "493012345678"),
        ("normal", "3012345678", "3012345678"),
        ("strict", "3012345678", "493012345678"),
        ("strict", "0049x3012345678", "493012345678"),
        ("strict", "12345678", "12345678"),
        ("extra", "12345678", "493012345678"),
    ],
)
def test_each_preset_goes_further_than_the_one_before(preset: str, dialled: str, wanted: str) -> None:
    assert number(dialled, plan(preset, **GERMAN)) == wanted


@pytest.mark.req("numbers-014")
def test_a_level_of_no_leaves_numbers_as_they_are_even_where_prefixes_are_set() -> None:
    change = PrefixChange(remove=("00",))
    assert number("0049301", plan("default", level="no", incoming=change)) == "0049301"
    assert number("0049301", plan("default", level="basic", incoming=change)) == "49301"


@pytest.mark.req("numbers-015")
@pytest.mark.parametrize(
    ("national", "trunk", "bare", "local"),
    [
        ("no", False, False, False),
        ("yes", True, False, False),
        ("extra", True, True, False),
        ("all", True, True, True),
    ],
)
def test_country_codes_are_added_as_far_as_it_is_asked(
    national: str, trunk: bool, bare: bool, local: bool
) -> None:
    by = plan(level="normal", national=national, **GERMAN)
    whole = "493012345678"
    assert (number("03012345678", by) == whole) is trunk
    assert (number("3012345678", by) == whole) is bare
    assert (number("12345678", by) == whole) is local


@pytest.mark.req("numbers-015")
@pytest.mark.parametrize(
    ("level", "dialled"), [("normal", "03012345678"), ("more", "3012345678"), ("extra", "12345678")]
)
def test_how_far_can_follow_from_the_level(level: str, dialled: str) -> None:
    before = {"normal": "basic", "more": "normal", "extra": "more"}[level]
    assert number(dialled, plan(level=level, national="depends", **GERMAN)) == "493012345678"
    assert number(dialled, plan(level=before, national="depends", **GERMAN)) == dialled


# escape codes


@pytest.mark.req("numbers-003", "numbers-029", "numbers-032", "numbers-033")
@pytest.mark.parametrize("dialled", ["+3612345678", "003612345678", "0036 (1) 234-5678", "36\r\n12345678"])
def test_by_default_escape_codes_and_strange_characters_go(dialled: str) -> None:
    assert number(dialled) == "3612345678"


@pytest.mark.req("numbers-003")
def test_escape_codes_stay_when_all_three_settings_say_so() -> None:
    assert number("003612345678", plan(level="normal", national="no", clean="normal")) == "003612345678"
    assert number("003612345678", plan(level="more", national="no", clean="normal")) == "3612345678"
    assert number("003612345678", plan(level="normal", national="yes", clean="normal")) == "3612345678"
    assert number("003612345678", plan(level="normal", national="no", clean="more")) == "3612345678"


@pytest.mark.req("numbers-019", "numbers-026", "numbers-033")
def test_other_escape_codes_can_be_named() -> None:
    american = plan(iecs=("011", "010"), region="US")
    assert number("0113612345678", american) == "3612345678"
    assert number("0103612345678", american) == "3612345678"
    assert number("003612345678", american) == "003612345678"


# countries


@pytest.mark.req("numbers-030", "numbers-019", "numbers-026")
@pytest.mark.parametrize(
    ("region", "dialled", "wanted"),
    [
        ("HU", "0613456789", "3613456789"),  # national escape code 06, area 1
        ("HU", "06201234567", "36201234567"),
        ("RO", "0721234567", "40721234567"),
        ("GB", "02079460000", "442079460000"),
        ("US", "12125551234", "12125551234"),
        ("BR", "01133334444", "551133334444"),
        ("IT", "0612345678", "390612345678"),  # the nought belongs to the number
    ],
)
def test_callers_dial_as_they_do_at_home(region: str, dialled: str, wanted: str) -> None:
    assert number(dialled, plan(national="extra", region=region)) == wanted


@pytest.mark.req("numbers-019")
def test_a_country_is_known_by_its_code_too_and_its_letters_go_first() -> None:
    assert countries.region_of("", "36") == "HU" and countries.region_of("", "1") == "US"
    assert countries.region_of("de", "36") == "DE"
    assert countries.region_of("", "") == "" and countries.region_of("", "999") == ""


@pytest.mark.req("numbers-019")
def test_local_numbers_are_tried_in_each_area_code_in_turn() -> None:
    assert number("3456789", plan(national="all", region="HU", areas=("1", "20"))) == "3613456789"
    assert number("3456789", plan(national="all", region="HU", areas=("20", "1"))) == "36203456789"


def test_a_number_that_has_its_country_code_is_left_alone() -> None:
    assert number("442079460000", plan("extra", **GERMAN)) == "442079460000"


@pytest.mark.req("numbers-023")
def test_special_numbers_of_the_country_stay_as_they_are() -> None:
    by = plan("extra", region="HU", areas=("1",), least_length=1)
    assert number("112", by) == "112" and number("107", by) == "107"


@pytest.mark.req("numbers-023")
def test_special_numbers_are_completed_like_others_where_nobody_looks_for_them() -> None:
    by = plan("extra", region="DE", areas=("30",), least_length=1)
    assert number("116117", by) == "116117"
    assert number("116117", replace(by, special=False)) == "4930116117"


@pytest.mark.req("numbers-017")
def test_short_numbers_get_no_country_code() -> None:
    by = plan("extra", region="DE", areas=("30",), special=False)
    assert number("2345", by) == "2345"
    assert number("2345", replace(by, least_length=4)) == "49302345"
    assert number("12345678", replace(by, least_length=9)) == "12345678"


# what is refused


@pytest.mark.req("numbers-005")
@pytest.mark.parametrize("bad", ["1' OR 1=1 --", "36201;drop", '36"', "<36>", "36|20", "3\x006", "٣٦20"])
def test_what_looks_like_an_attack_is_refused(bad: str) -> None:
    assert refused(bad) and refused(bad, plan("strict")) and refused(bad, plan("extra"))
    assert normalise(bad, DEFAULT).number == ""


@pytest.mark.req("numbers-005", "security-010", "security-063", "security-096", "security-094")
def test_cleaning_goes_further_with_each_level() -> None:
    text = "36-20x1"
    assert number(text, plan(clean="no")) == text and number(f" {text} ", plan(clean="trimmed")) == text
    assert refused("36;20", plan(clean="basic")) and number("36;20", plan(clean="trimmed")) == "36;20"
    assert refused(text, plan(clean="normal")) and number(text, plan(clean="more")) == "36201"
    assert number("36*20", plan(clean="more")) == "36*20" and refused("36*20", plan(clean="extreme"))


@pytest.mark.req("numbers-022")
def test_numbers_that_are_too_long_or_too_short_are_refused() -> None:
    by = replace(DEFAULT, shortest=3, longest=5)
    assert [refused(one, by) for one in ("12", "123", "12345", "123456")] == [True, False, False, True]


@pytest.mark.req("numbers-018")
def test_codes_are_refused_where_only_telephone_numbers_may_be_called() -> None:
    assert number("*100#") == "*100#"
    assert refused("*100#", replace(DEFAULT, digits_only=True))


# prefixes


@pytest.mark.req("numbers-007", "numbers-008")
def test_the_longest_prefix_of_a_list_goes() -> None:
    change = PrefixChange(remove=("0", "00", "+"))
    assert [change.apply(one) for one in ("0036", "036", "+36", "36")] == ["36", "36", "36", "36"]


@pytest.mark.req("numbers-009")
def test_a_prefix_goes_only_within_its_lengths() -> None:
    change = PrefixChange(remove=("00",), remove_from=5, remove_below=7)
    assert [change.apply(one) for one in ("0012", "00123", "001234", "0012345")] == [
        "0012",
        "123",
        "1234",
        "0012345",
    ]


@pytest.mark.req("numbers-012", "numbers-011", "numbers-010")
def test_a_prefix_comes_only_within_its_lengths() -> None:
    change = PrefixChange(remove2="9", add="+", add_from=3, add_below=5)
    assert [change.apply(one) for one in ("91", "912", "812", "9123", "91234")] == [
        "91",
        "+12",
        "+812",
        "+123",
        "91234",
    ]


@pytest.mark.req("numbers-013", "numbers-010")
def test_a_prefix_comes_only_before_what_begins_as_it_should() -> None:
    change = PrefixChange(remove2="0", add="4", if_begins="07", if_begins_not="079")
    assert [change.apply(one) for one in ("0711", "0791", "0811")] == ["4711", "0791", "0811"]


@pytest.mark.req("numbers-027", "numbers-028", "numbers-031", "dialplan-014")
def test_the_hungarian_roaming_prefix_is_rewritten() -> None:
    roaming = PatternRewrite("08X...", 9, "36")
    assert number("08301030201234567", plan(pattern=roaming)) == "36201234567"
    assert number("08", plan(pattern=roaming)) == "08"  # shorter than the pattern
    assert number("07301030201234567", plan(pattern=roaming)) == "07301030201234567"


# the whole


@given(st.text(max_size=40))
def test_whatever_is_dialled_becomes_digits_or_is_refused(dialled: str) -> None:
    found = normalise(dialled, DEFAULT)
    assert (found.number == "") == bool(found.problem)
    assert is_digits(found.number) and len(found.number) <= 32


@given(st.text("0123456789", min_size=1, max_size=16))
def test_a_number_that_was_normalised_stays_as_it_is(dialled: str) -> None:
    by = plan("strict", region="DE")
    once = number(dialled, by)
    if once and not once.startswith("0"):
        assert number(once, by) == once or not countries.is_international(once)


def test_a_number_that_was_seen_before_is_found_again_without_any_work() -> None:
    by = Normaliser(plan("extra", region="HU", areas=("1",)))
    by("06201234567")
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        by("06201234567")
    finally:
        sys.setprofile(before)
    assert calls == 1  # the look itself


def test_what_is_remembered_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Normaliser, "MOST", 10)
    by = Normaliser(DEFAULT)
    for one in range(25):
        by(str(1000 + one))
        by.shown(str(1000 + one))
    assert len(by._seen) <= 10 and len(by._shown) <= 10


def test_a_caller_number_loses_what_is_put_before_it_but_not_by_the_operators_prefixes() -> None:
    by = Normaliser(plan(incoming=PrefixChange(add="99"), region="DE"))
    assert by.shown("+49 30 123456") == "4930123456" and by.shown("030123456") == "4930123456"
    assert by.shown("bob") == "" and by.shown("1" * 40) == ""
