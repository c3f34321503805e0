"""The country of an address by a file that the test writes itself."""

from __future__ import annotations

import random
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import maxminddb
import pytest

from apps.core.values.countries import is_code, name_of
from apps.core.values.networks import place, with_port
from apps.screening.country_build import _tree, build
from apps.screening.engine.countries import UNKNOWN, Countries, CountriesError
from tests import mmdb

RECORDS: dict[str, Any] = {
    "81.2.69.0/24": "GB",
    "89.160.20.112/28": {"country": {"iso_code": "SE", "names": {"en": "Sweden"}}, "registered_country": {"iso_code": "DE"}},
    "5.187.16.0/20": {"registered_country": {"iso_code": "hu"}},
    "2001:218::/32": {"country_code": "JP", "country": "Japan"},
    "2.125.160.216/29": {"country": "FR"},
    "67.43.156.0/24": {"country": {"geoname_id": "1"}},
}  # fmt: skip


def opened(source: Path) -> Countries:
    build(source, source.with_suffix(".built"))
    return Countries.open(source.with_suffix(".built"))


@pytest.fixture
def countries(tmp_path: Path) -> Countries:
    return opened(mmdb.write(tmp_path / "c.mmdb", RECORDS))


@pytest.mark.req("other-001", "cdr-069")
@pytest.mark.parametrize(
    ("host", "country"),
    [("81.2.69.0", "GB"), ("81.2.69.255", "GB"), ("81.2.70.0", UNKNOWN), ("89.160.20.127", "SE"), ("89.160.20.128", UNKNOWN),
     ("5.187.31.255", "HU"), ("2001:218:1::5", "JP"), ("2001:219::", UNKNOWN), ("::ffff:81.2.69.7", "GB"), ("2.125.160.217", "FR"), ("2002:5102:4501::1", "GB"),
     ("67.43.156.1", UNKNOWN)],
)  # fmt: skip
def test_an_address_has_the_country_that_the_file_tells(
    countries: Countries, host: str, country: str
) -> None:
    assert countries.of(host) == country


@pytest.mark.parametrize(
    "host",
    ["10.1.2.3", "172.16.0.1", "192.168.1.9", "169.254.1.1", "127.0.0.1", "100.64.0.1", "0.0.0.0", "::1", "::", "fd00::1",
     "fe80::1%eth0", "::ffff:10.0.0.1", "no address", ""],
)  # fmt: skip
def test_who_is_near_is_of_no_country(countries: Countries, host: str) -> None:
    assert countries.of(host) == ""


def test_a_file_of_ipv4_says_nothing_of_ipv6(tmp_path: Path) -> None:
    found = opened(mmdb.write(tmp_path / "c.mmdb", {"81.2.69.0/24": "GB"}, version=4))
    assert (found.of("81.2.69.1"), found.of("2001:218::1"), found.built) == ("GB", UNKNOWN, mmdb.BUILT)


def test_a_file_that_is_none_or_tells_no_countries_is_refused(tmp_path: Path) -> None:
    good = mmdb.write(tmp_path / "good.mmdb", RECORDS).read_bytes()
    wrong = {"empty": b"", "text": b"nothing" * 1000, "half": good[: len(good) // 2], "headless": good[:-60]}
    for name, content in wrong.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CountriesError, match=name):
            opened(tmp_path / name)
    with pytest.raises(CountriesError, match="tells no countries"):
        opened(mmdb.write(tmp_path / "asn", {"81.2.69.0/24": {"autonomous_system": "x"}}))
    with pytest.raises(CountriesError, match="cannot be read"):
        opened(tmp_path / "missing")


def test_a_broken_file_is_refused_or_read_and_never_worse(tmp_path: Path) -> None:
    """Bytes are changed by chance; the compiled reader of the library has ended the process by such files."""
    source = mmdb.write(tmp_path / "c.mmdb", RECORDS)
    good, dice, outcomes = source.read_bytes(), random.Random(7), set()
    for _ in range(150):
        broken = bytearray(good)
        for _ in range(dice.randint(1, 4)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        source.write_bytes(broken)
        try:
            outcomes.add(len(opened(source).of("89.160.20.113")))
        except CountriesError:
            outcomes.add(-1)
    assert outcomes == {-1, 2}


def test_of_28_bits_both_sides_have_their_upper_four_in_the_byte_between(tmp_path: Path) -> None:
    """No small file has such numbers: it takes sixteen million nodes."""
    (tmp_path / "tree").write_bytes(mmdb._node(0xA123456, 0xB789ABC, 28))
    assert _tree(tmp_path / "tree", 1, 28).tolist() == [[0xA123456, 0xB789ABC]]


@pytest.mark.parametrize("size", [24, 28, 32])
@pytest.mark.parametrize("version", [4, 6])
def test_every_address_is_told_as_the_library_tells_it(tmp_path: Path, size: int, version: int) -> None:
    dice = random.Random(size)
    told = {f"{top}.{dice.randrange(256)}.{dice.randrange(16) * 16}.0/{dice.choice((20, 24, 28))}": dice.choice(("HU", "DE"))
            for top in range(11, 60)}  # fmt: skip
    if version == 6:
        told |= {
            f"2a{top:02x}:{dice.randrange(65536):x}::/{dice.choice((32, 48))}": "AT" for top in range(30)
        }
    source = mmdb.write(tmp_path / "c.mmdb", told, size=size, version=version)
    found = opened(source)
    with maxminddb.open_database(source, maxminddb.MODE_MEMORY) as library:
        for network in told:
            first = ip_network(network)
            for number in (int(first[0]) - 1, int(first[0]), int(first[-1]), int(first[-1]) + 1):
                address = type(first[0])(number)
                record = library.get(address)
                assert found.of(str(address)) == (record["country"]["iso_code"] if record else UNKNOWN)


@pytest.mark.parametrize(
    ("text", "found"),
    [("192.0.2.7:5060", ("192.0.2.7", 5060)), ("[2001:DB8::1]:5061", ("2001:db8::1", 5061)), ("192.0.2.7", None),
     ("192.0.2.7:0", None), ("192.0.2.7:65536", None), ("192.0.2.7:", None), ("2001:db8::1", None), ("[192.0.2.7]:5060", None),
     ("host:5060", None), ("192.0.2.0/24:5060", None), ("192.0.2.7:5060x", None), ("192.0.2.7:99999999999999999999", None)],
)  # fmt: skip
def test_an_address_with_a_port_has_one_spelling(text: str, found: tuple[str, int] | None) -> None:
    assert with_port(text) == found
    if found is not None:
        assert with_port(place(*found)) == found


def test_countries_are_named_in_the_readers_language() -> None:
    assert (name_of("HU", "en"), name_of("HU", "de"), name_of("HU", "hu")) == (
        "Hungary",
        "Ungarn",
        "Magyarország",
    )
    assert is_code("ZZ") and not any(map(is_code, ("hu", "QQ", "HUN", "", "12")))
