"""Ported numbers: the mapped file, the spellings of two countries, and what each mode makes of a call."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from apps.portability.engine import (
    NONE,
    Change,
    Operator,
    Portability,
    PortedError,
    PortedFile,
    Porting,
    change,
    mode_of,
    spellings,
    written,
)
from apps.pricing.engine.deck import key_of

NUMBER = "36301234567"


def file_of(
    folder: Path,
    numbers: dict[str, tuple[int | None, str]],
    targets: list[Porting],
    blocks: dict[str, int] | None = None,
) -> PortedFile:
    """A file as the compiler writes it. `numbers`: number → place of its target and new number."""
    rows = sorted(
        (key_of(number), key_of(new), NONE if at is None else at) for number, (at, new) in numbers.items()
    )
    ordered = sorted((blocks or {}).items(), key=lambda one: key_of(one[0]))
    columns = {
        "keys": np.array([row[0] for row in rows], np.uint64),
        "news": np.array([row[1] for row in rows], np.uint64),
        "targets": np.array([row[2] for row in rows], np.uint32),
        "blocks": np.array([key_of(one) for one, _ in ordered], np.uint64),
        "block_lengths": np.array([len(one) for one, _ in ordered], np.uint8),
        "block_targets": np.array([place for _, place in ordered], np.uint32),
    }
    written(folder / "ported", columns, targets, 42)
    return PortedFile(folder / "ported")


@pytest.mark.req("lnp-001")
def test_every_number_of_a_file_is_found_and_no_other(tmp_path: Path) -> None:
    draw = random.Random(7)
    targets = [Porting(code=f"op{place}") for place in range(50)]
    numbers = {
        str(draw.randrange(10 ** draw.randrange(5, 15), 10**16)): (draw.randrange(50), "")
        for _ in range(5000)
    }
    file = file_of(tmp_path, numbers, targets)
    assert (file.numbers, file.stamp) == (len(numbers), 42)
    for number, (place, _new) in numbers.items():
        assert file.find(number) == targets[place]
        other = number[:-1] + str((int(number[-1]) + 1) % 10)
        assert file.find(other) == (targets[numbers[other][0]] if other in numbers else None)
        assert file.find(number + "0") == (
            targets[numbers[number + "0"][0]] if number + "0" in numbers else None
        )
    assert file.find("") is None and file.find("1" * 17) is None


def test_an_empty_file_and_a_number_without_a_target(tmp_path: Path) -> None:
    assert file_of(tmp_path, {}, []).find(NUMBER) is None
    found = file_of(tmp_path, {NUMBER: (None, "36207654321")}, []).find(NUMBER)
    assert found == Porting(number="36207654321")


def test_a_file_that_is_cut_off_or_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ported"
    file_of(tmp_path, {NUMBER: (0, "")}, [Porting(code="a")]).close()
    whole = path.read_bytes()
    for damaged in (whole[:-1], b"MIZUDECK" + whole[8:], b""):
        path.write_bytes(damaged)
        with pytest.raises(PortedError):
            PortedFile(path)


@pytest.mark.req("lnp-010")
def test_a_number_that_was_not_ported_is_in_the_longest_block(tmp_path: Path) -> None:
    targets = [Porting(code="a", ported=False), Porting(code="b", cnl="11000", ported=False)]
    file = file_of(tmp_path, {}, targets, {"5511": 0, "55119": 1, "55": 0})
    assert file.block_of("5511912345678") == targets[1]
    assert file.block_of("5511212345678") == targets[0]
    assert file.block_of("5521999999999") == targets[0]
    assert file.block_of("36301234567") is None


@pytest.mark.req("lnp-009")
def test_brazil_knows_the_ninth_digit_and_mexico_the_one() -> None:
    assert spellings("5511987654321", "brazil") == ("5511987654321", "551187654321")
    assert spellings("551187654321", "brazil") == ("551187654321", "5511987654321")
    assert spellings("551132654321", "brazil") == ("551132654321",), "a fixed line"
    assert spellings("5215512345678", "mexico") == ("5215512345678", "525512345678")
    assert spellings("525512345678", "mexico") == ("525512345678", "5215512345678")
    assert spellings("5511987654321", "default") == ("5511987654321",)
    assert spellings("36301234567", "brazil") == ("36301234567",)


@pytest.mark.req("lnp-009", "lnp-010")
def test_a_country_finds_the_operator_of_numbers_that_were_not_ported(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        {"551187654321": (0, "")},
        [Porting(code="oi"), Porting(code="vivo", ported=False)],
        {"5511": 1},
    )
    portability = Portability(file)
    assert portability.look_up("5511987654321", "brazil").code == "oi"  # type: ignore[union-attr]
    assert portability.look_up("5511987654321", "default") is None
    assert portability.look_up("5511912345678", "brazil").code == "vivo"  # type: ignore[union-attr]
    assert portability.look_up("5511912345678", "default") is None


FOUND = Porting(7, "op", "3620", "sip.example", 5080, "36207654321")


@pytest.mark.req("lnp-002", "lnp-003", "lnp-005")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("no", Change()),
        ("prefix", Change(number="36201234567")),
        ("number", Change(number="36207654321")),
        ("domain", Change(domain="sip.example", port=5080)),
        ("carrier", Change(carrier=7)),
        ("insert", Change(insert="3620")),
        ("all", Change(number="36207654321", carrier=7, domain="sip.example", port=5080)),
    ],
)
def test_what_each_mode_heeds(mode: str, expected: Change) -> None:
    assert change(FOUND, NUMBER, mode, {}) == expected


@pytest.mark.req("lnp-003", "lnp-006")
def test_all_replaces_the_prefix_where_there_is_no_new_number() -> None:
    assert change(FOUND._replace(number=""), NUMBER, "all", {}).number == "36201234567"
    assert change(Porting(), NUMBER, "all", {}) == Change()


@pytest.mark.req("lnp-003", "lnp-007")
def test_an_operators_code_stands_for_its_carrier() -> None:
    operators = {"op": Operator(9, "55321"), "none": Operator(0, "")}
    assert change(Porting(code="op"), NUMBER, "carrier", operators).carrier == 9
    assert change(FOUND, NUMBER, "carrier", operators).carrier == 7, "one that is named goes before"
    assert change(Porting(code="gone"), NUMBER, "carrier", operators) == Change()
    assert change(Porting(code="none"), NUMBER, "carrier", operators) == Change()


@pytest.mark.req("lnp-009", "lnp-010")
def test_in_brazil_and_mexico_the_routing_number_goes_before_what_carriers_are_sent() -> None:
    operators = {"op": Operator(9, "55321")}
    for country in ("brazil", "mexico"):
        assert change(Porting(code="op"), NUMBER, "carrier", operators, country) == Change(
            insert="55321", carrier=9
        )
    assert change(Porting(code="op"), NUMBER, "no", operators, "brazil") == Change()


@pytest.mark.req("lnp-002", "lnp-005")
def test_auto_is_carrier_once_there_are_ported_numbers(tmp_path: Path) -> None:
    assert mode_of("auto", Portability()) == "no"
    assert mode_of("auto", Portability(changes={NUMBER: None})) == "no"
    assert mode_of("auto", Portability(changes={NUMBER: FOUND})) == "carrier"
    assert mode_of("auto", Portability(file_of(tmp_path, {NUMBER: (0, "")}, [FOUND]))) == "carrier"
    assert mode_of("number", Portability()) == "number"


def test_what_has_changed_since_goes_before_the_file(tmp_path: Path) -> None:
    file = file_of(tmp_path, {NUMBER: (0, ""), "44": (0, "")}, [FOUND])
    portability = Portability(file)
    portability.take("port_changes", [[NUMBER, None], ["49", list(FOUND)]])
    assert portability.of(NUMBER) is None
    assert portability.of("49") == FOUND
    assert portability.of("44") == FOUND
