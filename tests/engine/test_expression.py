"""The expression language: what it computes, what it refuses, and that it always ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.numbers.engine.expression import Expression, Template
from apps.numbers.engine.functions import FUNCTIONS, Scope, like
from apps.numbers.engine.lists import Lists
from apps.numbers.engine.values import FIELDS, WrongExpression

CALL: dict[str, Any] = {
    "called": "36201234567", "dialled": "06201234567", "caller": "3612000001", "hour": 9, "caller_id": 42, "tech_prefix": "",
}  # fmt: skip


def scope(chance: int = 0, **fields: Any) -> Scope:
    lists = Lists()
    lists.take(
        "lists", [(1, "house", "caller", None), (2, "theirs", "caller", 99), (3, "odd", "lookup", None)]
    )
    lists.take(
        "listed_numbers",
        [(1, "3612000001"), (1, "3612000002"), (1, "4912345"), (2, "44"), (3, "3620"), (3, "3670")],
    )
    return Scope(CALL | fields, lists, (1, 2), chance)


def value(text: str, **fields: Any) -> Any:
    return Expression(text)(scope(**fields))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 / 2 - 7 % 2", 2),
        ("-3 + 5", 2),
        ("'36' + mid(dialled, 3)", "36201234567"),
        ("'a' & 1 & 'b'", "a1b"),
        ("left(called, 2)", "36"),
        ("right(called, 3)", "567"),
        ("substring(called, 3, 2)", "20"),
        ("len(called) = 11", 1),
        ("len(called) < 5 or isnumeric(called) = 0", 0),
        ("called like '36%' and not called like '36_3%'", 1),
        ("called not like '44%'", 1),
        ("called = '36201234567'", 1),
        ("called > 36200000000 and called <= 36209999999", 1),
        ("called <> caller", 1),
        ("between(called, 36200000000, 36209999999)", 1),
        ("if(hour >= 8 and hour < 17, 'day', 'night')", "day"),
        ("first(tech_prefix, '', 'x')", "x"),
        ("replace(called, '20', '30')", "36301234567"),
        ("pad(7, 3)", "007"),
        ("digits('+36 (20)')", "3620"),
        ("number('007')", 7),
        ("starts(called, '36') + ends(called, '67') + contains(called, '2012')", 3),
        ("listed('house', caller)", 1),
        ("listed('nowhere', caller)", 0),
        ("prefix_in('odd', called)", "3620"),
        ("country(called)", "36"),
        ("kind(called)", "mobile"),
        ("mobile(called)", 1),
        ("mobile('3612000001')", 0),
        ("[called_norm]", "36201234567"),
        ("[CalledNumber] = called", 1),
        ("calleruserid", 42),
        ("not 0 and not ''", 1),
        ("0 and 1 / 0", 0),
    ],
)
def test_an_expression_has_its_value(text: str, wanted: Any) -> None:
    assert value(text) == wanted


@pytest.mark.req("numbers-019")
def test_common_mobile_prefixes_tell_mobile_numbers_where_they_are_named() -> None:
    named = scope()
    named.mobile = ("361", "3631")
    assert Expression("mobile(called)")(named) == 0
    assert Expression("mobile('3612000001')")(named) == 1


@pytest.mark.req("dialplan-023", "dialplan-010")
def test_a_number_by_chance_stands_in_a_text() -> None:
    found = {Template("+9222222222{random(0, 9)}")(scope(chance)) for chance in range(200)}
    assert found == {f"+9222222222{one}" for one in range(10)}


@pytest.mark.req("callerid-032")
def test_a_number_range_is_drawn_from_in_its_whole_width() -> None:
    found = [Template("234{random(10000000, 99999999)}")(scope(chance)) for chance in range(200)]
    assert all(len(one) == 11 and one.startswith("234") for one in found)
    assert len(set(found)) > 190


@pytest.mark.req("callerid-033", "callerid-034")
def test_a_number_is_drawn_from_a_list() -> None:
    found = {Template("{pick('house')}")(scope(chance)) for chance in range(100)}
    assert found == {"3612000001", "3612000002", "4912345"}


@pytest.mark.req("dialplan-024", "callerid-034")
def test_a_number_of_the_called_country_is_drawn_from_a_list() -> None:
    text = "{pick('house', left([called_norm], 2))}"
    assert {Template(text)(scope(chance)) for chance in range(50)} == {"3612000001", "3612000002"}
    assert {Template(text)(scope(chance, called="4930123")) for chance in range(50)} == {"4912345"}


def test_the_same_call_draws_the_same_and_two_draws_of_a_call_differ() -> None:
    text = Template("{random(0, 1000000)} {random(0, 1000000)}")
    first = text(scope(7))
    assert text(scope(7)) == first
    assert len(set(first.split())) == 2


@pytest.mark.req("dialplan-010")
def test_a_text_is_taken_as_it_is_but_for_braces_and_brackets() -> None:
    assert Template("[caller]-{len(called)}-x")(scope()) == "3612000001-11-x"
    assert Template("[1] {'a'}")(scope()) == "[1] a"


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "1 1", "(1", "1)", "foo(1)", "nobody", "left(called)", "called not 3", "'a", "1 = = 1", "called like",
        "__import__('os')", "called.upper()", "1;2", "SELECT TOP 1 number FROM x", "(" * 30 + "1" + ")" * 30,
        "+".join(["1"] * 150), "1" + " " * 600,
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(WrongExpression) as refused:
        Expression(text)
    assert str(refused.value).endswith((".", "?"))


@pytest.mark.parametrize("text", ["{", "a}", "{called", "{1}}", "{foo()}", "[nobody]", "x" * 501])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(WrongExpression):
        Template(text)


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0", "number('bob')", "called + 0 - 'x'", "9" * 18 + " * " + "9" * 18, "pick('theirs')", "pick('nowhere')",
        "pick('house', '7')", "random(9, 1)", "replace('" + "a" * 100 + "', 'a', 'bbbb')",
    ],
)  # fmt: skip
def test_what_has_no_value_for_a_call_says_so(text: str) -> None:
    with pytest.raises(WrongExpression):
        value(text)


@given(st.text("abcde%_", max_size=12), st.text("abcde%_", max_size=12))
def test_like_agrees_with_its_definition(text: str, pattern: str) -> None:
    import re

    wanted = re.compile(
        "".join(".*" if one == "%" else "." if one == "_" else re.escape(one) for one in pattern), re.DOTALL
    )
    assert like(text, pattern) == (wanted.fullmatch(text) is not None)


@given(st.text(max_size=60))
def test_any_text_is_an_expression_with_a_value_or_refused(text: str) -> None:
    try:
        found = Expression(text)(scope())
    except WrongExpression:
        return
    assert isinstance(found, int | str)


@given(
    st.lists(
        st.sampled_from(
            [
                *FUNCTIONS,
                *FIELDS,
                "(",
                ")",
                ",",
                "+",
                "-",
                "*",
                "/",
                "'a'",
                "1",
                "99",
                "and",
                "not",
                "like",
                "=",
            ]
        ),
        max_size=25,
    )
)
def test_any_row_of_words_ends_with_a_value_or_a_reason(words: list[str]) -> None:
    try:
        found = Expression(" ".join(words))(scope())
    except WrongExpression:
        return
    assert isinstance(found, int) or len(found) <= 128
