"""What an account is known by: every value of the setting `needauth`, from every place, with every name."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.call import causes
from switch.call.model import Caller, NeedsDigest, Rejection
from switch.call.pipeline import identify
from tests.switch.worlds import Office, request

HOME, RANGE, ELSEWHERE = "198.51.100.7", "192.0.2.200", "203.0.113.9"
ASKED = "asked for a password"


class Door(Office):
    """One trunk with every mark by which it could be known."""

    def __init__(self, mode: str, **settings: object) -> None:
        super().__init__()
        self.trunk = self.phone("trunk", "customer_trunk", tech_prefix="77", number="+36301112222")
        self.address(self.trunk, HOME, 5070)
        self.address(self.trunk, HOME)
        self.address(self.trunk, "192.0.2.0/24")
        self.rows["overrides"].append([self.trunk, "needauth", mode])
        self.settings |= settings


def outcome(office: Office, folder: Path, **fields: object) -> str:
    fields = {
        "source_host": ELSEWHERE,
        "source_port": 5062,
        "from_user": "stranger",
        "called": "3620",
    } | fields
    found = identify(request(**fields), office.world(folder))  # type: ignore[arg-type]
    if isinstance(found, Caller):
        return found.username
    return ASKED if isinstance(found, NeedsDigest) else found.cause.name


KNOWN, REFUSED = "trunk", causes.UNKNOWN_SOURCE.name
PROVED = {"digest_username": "trunk"}
CASES = [
    ("open", {}, KNOWN),
    ("address", {"source_host": HOME}, KNOWN),
    ("address", {"source_host": RANGE}, REFUSED),
    ("address", {}, ASKED),
    ("address", {**PROVED}, REFUSED),
    ("prefix", {"called": "773620"}, KNOWN),
    ("prefix", {"source_host": HOME}, REFUSED),
    ("prefix", {"called": "783620"}, ASKED),
    ("address_prefix", {"source_host": HOME, "called": "773620"}, KNOWN),
    ("address_prefix", {"source_host": HOME}, REFUSED),
    ("address_prefix", {"called": "773620"}, ASKED),
    ("password", {**PROVED}, KNOWN),
    ("password", {"source_host": HOME}, ASKED),
    ("user", {"from_user": "trunk"}, KNOWN),
    ("user", {"from_user": "+36301112222"}, KNOWN),
    ("user", {"source_host": HOME}, REFUSED),
    ("address_port", {"source_host": HOME, "source_port": 5070}, KNOWN),
    ("address_port", {"source_host": HOME}, REFUSED),
    ("address_user", {"source_host": HOME, "from_user": "trunk"}, KNOWN),
    ("address_user", {"source_host": HOME, "from_user": "36301112222"}, KNOWN),
    ("address_user", {"source_host": HOME}, REFUSED),
    ("address_user", {"from_user": "36301112222"}, ASKED),
    ("address_password", {"source_host": HOME, **PROVED}, KNOWN),
    ("address_password", {"source_host": HOME}, ASKED),
    ("address_password", {"source_host": RANGE, **PROVED}, REFUSED),
    ("address_password", {**PROVED}, REFUSED),
    ("network", {"source_host": RANGE}, KNOWN),
    ("network", {}, ASKED),
    ("network_password", {"source_host": RANGE, **PROVED}, KNOWN),
    ("network_password", {"source_host": RANGE}, ASKED),
    ("network_password", {**PROVED}, REFUSED),
]


@pytest.mark.parametrize(("mode", "fields", "expected"), CASES)
@pytest.mark.req(
    "auth-001", "auth-003", "auth-013", "auth-014", "auth-015", "auth-016", "auth-009", "auth-052"
)
@pytest.mark.req("auth-061", "auth-062")
def test_a_trunk_is_known_by_what_needauth_says_and_by_nothing_less(
    tmp_path: Path, mode: str, fields: dict[str, object], expected: str
) -> None:
    office = Door(mode, enforcestrongauth=mode != "open")
    assert outcome(office, tmp_path, **fields) == expected


@pytest.mark.req("auth-012")
def test_an_open_relay_lets_nobody_in_while_strong_authentication_is_enforced(tmp_path: Path) -> None:
    assert outcome(Door("open"), tmp_path) == ASKED


@pytest.mark.req("auth-012")
def test_an_open_relay_does_not_take_the_calls_of_a_phone_that_has_a_password(tmp_path: Path) -> None:
    office = Door("open", enforcestrongauth=False)
    office.phone("1001")
    assert outcome(office, tmp_path, from_user="1001") == ASKED


def test_two_trunks_behind_one_address_are_told_apart_by_their_user_names(tmp_path: Path) -> None:
    office = Door("address_user")
    other = office.account("other", "customer_trunk")
    office.address(other, HOME)
    office.rows["overrides"].append([other, "needauth", "address_user"])
    assert outcome(office, tmp_path / "a", source_host=HOME, from_user="other") == "other"
    assert outcome(office, tmp_path / "b", source_host=HOME, from_user="trunk") == "trunk"


def test_a_value_of_a_reseller_holds_for_its_subscribers(tmp_path: Path) -> None:
    office = Office()
    reseller = office.account("partner", "reseller")
    office.phone("1001", above=reseller)
    office.rows["overrides"].append([reseller, "needauth", "user"])
    assert outcome(office, tmp_path, from_user="1001") == "1001"


def test_the_account_that_was_refused_is_named_in_the_record(tmp_path: Path) -> None:
    office = Door("address_password")
    found = identify(request("3620", digest_username="trunk", source_host=ELSEWHERE), office.world(tmp_path))
    assert isinstance(found, Rejection)
    assert found.caller is not None and found.caller.username == "trunk"
