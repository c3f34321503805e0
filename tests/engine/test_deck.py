"""Compiled price lists: the same answers as the plain rule, refusal of damaged files, the way from PostgreSQL."""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core.values import prefixes
from apps.pricing.deck_build import compile_deck, copy_deck
from apps.pricing.engine import ALWAYS, NEVER, Rate, select
from apps.pricing.engine.deck import Deck, DeckError
from apps.pricing.engine.rates import plain_price, rate_of

few = st.text("01*", max_size=20)
many = st.text("0123456789*#", max_size=20)
versions = st.builds(
    Rate,
    st.integers(1, 10**12),
    few | many,
    st.integers(-(10**12), 10**12),
    st.sampled_from([0, 10**12]),
    st.just(2**31 - 1),
    *[st.integers(0, 2**31 - 1)] * 4,
    min_digits=st.sampled_from([0, 0, 3, 18]),
    max_digits=st.sampled_from([0, 0, 4, 19]),
    valid_from=st.sampled_from([ALWAYS, 50, 100]),
    valid_until=st.sampled_from([NEVER, 100, 150]),
    window=st.sampled_from([None, None, 3]),
    grace_seconds=st.sampled_from([0, 2**31 - 1]),
    minimum_charge=st.sampled_from([0, 10**12]),
    maximum_charge=st.sampled_from([0, 10**15]),
    surcharge=st.sampled_from([0, 1]),
)


def by_rule(rates: list[Rate], number: str, at: int) -> tuple[Rate, ...] | None:
    groups = ([one for one in rates if one.prefix == prefix] for prefix in prefixes(number))
    return select(groups, number, at) or None


@settings(max_examples=150, deadline=None)
@given(
    rates=st.lists(versions, max_size=40, unique_by=lambda one: one.id),
    numbers=st.lists(st.text("01*", max_size=24) | many, max_size=20),
    at=st.sampled_from([0, 75, 100, 200]),
)
def test_a_deck_answers_as_the_plain_rule(
    tmp_path_factory: pytest.TempPathFactory, rates: list[Rate], numbers: list[str], at: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "property.deck"
    compile_deck(rates, path)
    deck = Deck.open(path)
    deck.verify()
    for number in [*numbers, *(one.prefix + "1" for one in rates), *(one.prefix[:-1] for one in rates)]:
        found = by_rule(rates, number, at)
        assert deck.match(number, at) == found
        assert deck.price(number, at) == plain_price(found or ())
    deck.close()


def test_a_price_is_all_that_a_rate_says_of_an_amount_and_only_when_it_is_alone(tmp_path: Path) -> None:
    full = Rate(1, "36", 5, 6, 30, 6, 7, 8, 900, 0, 0, ALWAYS, NEVER, None, 9, 10, 11, 12)
    compile_deck([full, Rate(2, "44", 1, window=3), Rate(3, "44", 2)], tmp_path / "a.deck")
    deck = Deck.open(tmp_path / "a.deck")
    price = deck.price("361", 0)
    assert price is not None and rate_of(price) == full._replace(id=0, prefix="")
    assert deck.price("441", 0) is None, "it depends on the hour"
    assert deck.price("1", 0) is None


def test_a_short_number_padded_with_zeros_is_no_longer_prefix(tmp_path: Path) -> None:
    compile_deck([Rate(1, "36", 1), Rate(2, "3600", 1)], tmp_path / "a.deck")
    deck = Deck.open(tmp_path / "a.deck")
    assert [deck.match(number, 0)[0].id for number in ("36", "360", "3600", "36001")] == [1, 1, 2, 2]
    assert deck.match("3", 0) is None


def test_more_groups_than_the_cache_holds_are_answered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.pricing.engine.deck.CACHED_GROUPS", 10)
    rates = [Rate(number, str(number), number) for number in range(100, 400)]
    compile_deck(rates, tmp_path / "a.deck")
    deck = Deck.open(tmp_path / "a.deck")
    order = random.Random(1).choices(rates, k=1000)
    assert [deck.match(one.prefix + "77", 0) for one in order] == [(one,) for one in order]


def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    compile_deck([Rate(1, "", 1)], tmp_path / "a.deck")
    with pytest.raises(ValueError, match="not a normalised number"):
        Deck.open(tmp_path / "a.deck").match("abc", 0)


def truncated(raw: bytes) -> bytes:
    return raw[:-1]


def beheaded(raw: bytes) -> bytes:
    return raw[8:]


def other_header(raw: bytes) -> bytes:
    return raw[:20] + bytes([raw[20] ^ 1]) + raw[21:]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncated, "bytes instead of"),
        (beheaded, "not a compiled"),
        (other_header, "header"),
        (lambda raw: b"", "not a compiled"),
    ],
)
def test_a_damaged_file_is_refused_with_a_sentence(tmp_path: Path, damage: Any, words: str) -> None:
    path = tmp_path / "a.deck"
    compile_deck([Rate(1, "36", 1)], path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DeckError, match=words):
        Deck.open(path)


def test_a_changed_byte_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "a.deck"
    compile_deck([Rate(1, "36", 1)], path)
    raw = bytearray(path.read_bytes())
    raw[-70] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DeckError, match="damaged"):
        Deck.open(path).verify()


def test_a_new_file_replaces_the_old_one_under_those_who_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.deck"
    compile_deck([Rate(1, "36", 1)], path)
    old = Deck.open(path)
    compile_deck([Rate(2, "36", 1)], path)
    assert (old.match("361", 0)[0].id, Deck.open(path).match("361", 0)[0].id) == (1, 2)
    assert [file.name for file in tmp_path.iterdir()] == ["a.deck"]


TABLES = """
CREATE TEMP TABLE pricing_tariff (id bigint, connect_fee numeric(18,6) NOT NULL, first_increment int NOT NULL,
    next_increment int NOT NULL, minimum_seconds int NOT NULL, free_seconds int NOT NULL, free_after int NOT NULL,
    grace_seconds int NOT NULL, minimum_charge numeric(18,6) NOT NULL, maximum_charge numeric(18,6) NOT NULL,
    surcharge numeric(18,6) NOT NULL);
CREATE TEMP TABLE pricing_rate (id bigint, tariff_id bigint, prefix varchar(20), price numeric(18,6),
    connect_fee numeric(18,6), first_increment int, next_increment int, minimum_seconds int, free_seconds int,
    free_after int, min_digits smallint, max_digits smallint, valid_from timestamptz, valid_until timestamptz,
    window_id bigint, grace_seconds int, minimum_charge numeric(18,6), maximum_charge numeric(18,6),
    surcharge numeric(18,6));
INSERT INTO pricing_tariff VALUES (1, 0.5, 30, 6, 10, 5, 600, 4, 0.2, 9, 0.03), (2, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0);
"""


@pytest.fixture
def cursor() -> Iterator[Any]:
    """A connection of its own with tables of the office's shape that end with it."""
    if "DATABASE_URL" not in os.environ:
        pytest.fail("DATABASE_URL must name a PostgreSQL database")
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    try:
        with connection.cursor() as cursor:
            cursor.execute(TABLES)
            yield cursor
    finally:
        connection.close()


def store(cursor: Any, **columns: Any) -> None:
    values = {
        "tariff_id": 1,
        "price": "1",
        "min_digits": 0,
        "max_digits": 0,
        "valid_from": "2020-01-01Z",
    } | columns
    marks = ", ".join(["%s"] * len(values))
    cursor.execute(f"INSERT INTO pricing_rate ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_rate_comes_from_the_database_as_it_is(cursor: Any, tmp_path: Path) -> None:
    store(
        cursor,
        id=2**40,
        prefix="36*#1",
        price="-123456789012.654321",
        connect_fee="0.000001",
        first_increment=60,
        next_increment=61,
        minimum_seconds=62,
        free_seconds=63,
        free_after=64,
        min_digits=6,
        max_digits=15,
        valid_from="2026-03-29 00:59:59.5Z",
        valid_until="2026-10-25Z",
        window_id=9,
        grace_seconds=7,
        minimum_charge="0.000002",
        maximum_charge="123456789012.654321",
        surcharge="0.000003",
    )
    assert copy_deck(cursor, 1, tmp_path / "1.deck") == 1
    found = Deck.open(tmp_path / "1.deck").match("36*#12345", epoch("2026-06-01"))
    assert found == (
        Rate(
            2**40,
            "36*#1",
            -123456789012654321,
            1,
            60,
            61,
            62,
            63,
            64,
            6,
            15,
            epoch("2026-03-29T01:00:00"),
            epoch("2026-10-25"),
            9,
            7,
            2,
            123456789012654321,
            3,
        ),
    )


def test_what_a_rate_leaves_open_is_taken_from_its_tariff(cursor: Any, tmp_path: Path) -> None:
    store(cursor, id=1, prefix="")
    copy_deck(cursor, 1, tmp_path / "1.deck")
    assert Deck.open(tmp_path / "1.deck").match("1", epoch("2026-06-01")) == (
        Rate(
            1,
            "",
            1_000_000,
            500_000,
            30,
            6,
            10,
            5,
            600,
            valid_from=epoch("2020-01-01"),
            grace_seconds=4,
            minimum_charge=200_000,
            maximum_charge=9_000_000,
            surcharge=30_000,
        ),
    )


def test_only_the_rates_of_the_tariff_are_compiled(cursor: Any, tmp_path: Path) -> None:
    for rate_id, tariff in ((1, 1), (2, 2), (3, 2)):
        store(cursor, id=rate_id, tariff_id=tariff, prefix=str(rate_id))
    assert [copy_deck(cursor, tariff, tmp_path / f"{tariff}.deck") for tariff in (1, 2, 3)] == [1, 2, 0]
    deck = Deck.open(tmp_path / "2.deck")
    assert (deck.tariff_id, deck.rates, deck.match("1", epoch("2026-01-01"))) == (2, 2, None)
    assert Deck.open(tmp_path / "3.deck").match("1", 0) is None


def test_prefixes_of_all_lengths_from_the_database_match(cursor: Any, tmp_path: Path) -> None:
    number = "3612345678991234*#99"
    for length in range(len(number) + 1):
        store(cursor, id=length + 1, prefix=number[:length])
    copy_deck(cursor, 1, tmp_path / "1.deck")
    deck = Deck.open(tmp_path / "1.deck")
    asked = [number[:length] + tail for length in range(len(number) + 1) for tail in ("", "0")]
    assert [deck.match(one, epoch("2026-01-01"))[0].prefix for one in asked] == [
        number[:length] for length in range(len(number) + 1) for _ in "ab"
    ]


def test_a_prefix_with_letters_stops_the_compiler_and_leaves_the_old_file(
    cursor: Any, tmp_path: Path
) -> None:
    path = tmp_path / "1.deck"
    compile_deck([Rate(1, "36", 1)], path, 1)
    store(cursor, id=2, prefix="36a")
    with pytest.raises(psycopg2.DataError):
        copy_deck(cursor, 1, path)
    assert Deck.open(path).match("361", 0) is not None
    assert [file.name for file in tmp_path.iterdir()] == ["1.deck"]
