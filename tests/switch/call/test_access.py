"""Who is let in by what a call says of itself: addresses that are trusted, caller numbers, strangers, tech prefixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from switch.call import causes
from switch.call.model import Caller, CallRequest, NeedsDigest
from switch.call.pipeline import decide, identify
from switch.call.sources import from_us, heard
from tests.switch.worlds import NOW, Office, Usage, request

TRUNK, NUMBER = "198.51.100.7", "36301112222"
ASKED = "asked for a password"


class Door(Office):
    """A trunk with a tech prefix, whose calls may bear the number of a subscriber, ada."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.trunk = self.account("trunk", "customer_trunk", tech_prefix="77")
        self.address(self.trunk, TRUNK)
        self.rows["overrides"].append([self.trunk, "enablenumberlookup", True])
        self.ada = self.phone("ada", number=f"+{NUMBER}")
        self.settings |= settings


def named(office: Office, folder: Path, asking: CallRequest) -> str:
    found = identify(asking, office.world(folder))
    if isinstance(found, Caller):
        return found.username
    return ASKED if isinstance(found, NeedsDigest) else found.cause.name


def call(number: str = NUMBER, called: str = "773620", **fields: object) -> CallRequest:
    return request(called, **{"source_host": TRUNK, "from_user": number} | fields)


# --- caller numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.req("auth-017", "auth-019", "auth-021", "auth-028", "auth-051", "auth-053")
@pytest.mark.parametrize(
    ("handling", "number", "expected"),
    [
        ("both", NUMBER, "ada"),
        ("both", f"+{NUMBER}", "ada"),
        ("both", f"00{NUMBER}", "ada"),
        ("both", "36301113333", "trunk"),
        ("both", "anonymous", "trunk"),
        ("accept", NUMBER, "ada"),
        ("only", NUMBER, "ada"),
        ("only", "36301113333", causes.UNKNOWN_SOURCE.name),
        ("add", NUMBER, "trunk"),
        ("off", NUMBER, "trunk"),
    ],
)
def test_a_trunks_call_is_the_subscribers_whose_number_it_bears_if_that_is_wanted(
    tmp_path: Path, handling: str, number: str, expected: str
) -> None:
    assert named(Door(anumberhandling=handling), tmp_path, call(number)) == expected


@pytest.mark.req("auth-017")
def test_caller_numbers_are_accepted_and_noted_by_default_but_looked_up_for_no_trunk(tmp_path: Path) -> None:
    office = Door()
    assert office.settings["anumberhandling"] == "both"
    assert office.settings["enablenumberlookup"] is False


@pytest.mark.req("auth-021", "auth-049", "auth-054")
def test_a_trunk_that_is_not_trusted_with_numbers_pays_for_its_own_calls(tmp_path: Path) -> None:
    office = Door()
    office.rows["overrides"].clear()
    assert named(office, tmp_path, call()) == "trunk"


def test_a_number_that_was_noted_is_the_accounts_besides_its_own(tmp_path: Path) -> None:
    office = Door()
    office.rows["known_numbers"].append(["36209998888", office.ada])
    assert named(office, tmp_path / "a", call("36209998888")) == "ada"
    assert named(office, tmp_path / "b", call(NUMBER)) == "ada"


def test_a_trunk_that_is_known_by_a_number_does_not_pay_for_anothers_calls(tmp_path: Path) -> None:
    office = Door()
    office.rows["known_numbers"].append(["36209998888", office.account("other", "customer_trunk")])
    assert named(office, tmp_path, call("36209998888")) == "trunk"


def test_the_calls_of_a_disabled_subscriber_are_the_trunks(tmp_path: Path) -> None:
    office = Door()
    next(row for row in office.rows["accounts"] if row[0] == office.ada)[4] = False
    assert named(office, tmp_path, call()) == "trunk"


@pytest.mark.req("auth-019", "auth-056")
def test_who_is_known_by_its_number_pays_and_the_trunks_tech_prefix_comes_off(tmp_path: Path) -> None:
    office = Door()
    office.tariff("retail", {"": 1000}, to=office.ada)
    office.rule("all", office.carrier("carrier", {"": 1}))
    world, asking = office.world(tmp_path), call()
    caller = identify(asking, world)
    assert isinstance(caller, Caller)
    decided = decide(asking, caller, world, NOW, Usage())
    assert (decided.called, decided.payers[0].account_id) == ("3620", office.ada)  # type: ignore[union-attr]
    assert any("trunk brought the call" in line for line in decided.trace)


@pytest.mark.req("auth-020")
@pytest.mark.parametrize(("own", "carrier"), [(True, "of-ada"), (False, "of-the-trunk")])
def test_such_a_call_goes_by_the_subscribers_routes_or_by_the_trunks_and_the_subscriber_pays(
    tmp_path: Path, own: bool, carrier: str
) -> None:
    office = Door(anumberhandlingforrouting=own)
    office.tariff("retail", {"": 1000}, to=office.ada)
    office.rule("ada", office.carrier("of-ada", {"": 1}), caller=office.ada)
    office.rule("trunk", office.carrier("of-the-trunk", {"": 1}), caller=office.trunk)
    world, asking = office.world(tmp_path), call()
    caller = identify(asking, world)
    assert isinstance(caller, Caller)
    decided = decide(asking, caller, world, NOW, Usage())
    assert [one.account.username for one in decided.targets] == [carrier]  # type: ignore[union-attr]
    assert [one.account_id for one in decided.payers] == [office.ada]  # type: ignore[union-attr]


# --- trusted addresses --------------------------------------------------------------------------------------------------


@pytest.mark.req("security-056", "security-072")
@pytest.mark.parametrize(
    ("mode", "host", "ours", "expected"),
    [
        ("all", TRUNK, False, "trunk"),
        ("private", TRUNK, False, ASKED),
        ("private", "10.1.2.3", False, "trunk"),
        ("private", TRUNK, True, "trunk"),
        ("own", "10.1.2.3", False, ASKED),
        ("own", TRUNK, True, "trunk"),
        ("none", TRUNK, True, ASKED),
        ("none", "10.1.2.3", False, ASKED),
    ],
)
def test_an_address_proves_who_calls_only_where_addresses_are_trusted(
    tmp_path: Path, mode: str, host: str, ours: bool, expected: str
) -> None:
    office = Door(allowtrustedip=mode)
    office.address(office.trunk, "10.1.2.3")
    asking = call("x", source_host=host, from_us=ours)
    assert named(office, tmp_path, asking) == expected


@pytest.mark.req("security-056")
def test_addresses_are_trusted_by_default(tmp_path: Path) -> None:
    assert Door().settings["allowtrustedip"] == "all"


def test_a_password_proves_who_calls_wherever_addresses_do_not(tmp_path: Path) -> None:
    asking = call("ada", digest_username="ada")
    assert named(Door(allowtrustedip="none"), tmp_path, asking) == "ada"


def test_what_comes_from_a_loopback_or_our_own_address_comes_from_us() -> None:
    assert from_us("127.0.0.9", "192.0.2.1") and from_us("192.0.2.1", "192.0.2.1")
    assert not from_us("192.0.2.2", "192.0.2.1")


@pytest.mark.req("security-013", "security-014")
@pytest.mark.parametrize(
    ("local", "inner", "host", "may"),
    [
        (True, True, "127.0.0.1", True),
        (False, True, "127.0.0.1", False),
        (False, True, "10.0.0.1", True),
        (False, False, "198.51.100.7", True),
        (True, False, "192.168.4.5", False),
        (True, False, "10.0.0.1", False),
        (True, False, "::ffff:10.0.0.1", False),
        (True, False, "8.8.8.8", True),
        (False, False, "2a00:1450::1", True),
        (True, False, "127.0.0.1", True),
    ],
)
def test_requests_of_this_machine_and_of_private_networks_are_heard_as_the_settings_say(
    tmp_path: Path, local: bool, inner: bool, host: str, may: bool
) -> None:
    settings = Door(canacceptlocalip=local, hasinternalaccess=inner).world(tmp_path).settings
    assert heard(host, settings) is may


# --- strangers ----------------------------------------------------------------------------------------------------------


def strange(office: Office, folder: Path, called: str = "ada") -> str:
    return named(office, folder, request(called, source_host="203.0.113.9", from_user="x"))


@pytest.mark.req("auth-057")
def test_a_stranger_calls_as_sysanonymous_only_when_everything_that_forbids_it_is_off(tmp_path: Path) -> None:
    free = {"allowanonymoususers": True, "enforcestrongauth": False}
    for number, settings in enumerate([{}, {"allowanonymoususers": True}, {"enforcestrongauth": False}]):
        office = Door(**settings)
        office.account("sysanonymous")
        assert strange(office, tmp_path / f"{number}") == ASKED
    assert strange(Door(**free), tmp_path / "nobody") == ASKED
    office = Door(**free)
    office.account("sysanonymous")
    assert strange(office, tmp_path / "free") == "sysanonymous"


@pytest.mark.req("auth-057")
def test_accounts_of_free_access_may_be_called_by_strangers_and_no_others(tmp_path: Path) -> None:
    office = Door(freeaccessuserid=("ada",), enforcestrongauth=False)
    office.account("sysanonymous")
    office.phone("ben")
    assert strange(office, tmp_path / "a", "ada") == "sysanonymous"
    assert strange(office, tmp_path / "b", NUMBER) == "sysanonymous"
    assert strange(office, tmp_path / "c", "ben") == ASKED
    assert strange(office, tmp_path / "d", "3620") == ASKED


# --- tech prefixes ------------------------------------------------------------------------------------------------------


@pytest.mark.req("auth-055")
def test_tech_prefixes_of_any_length_are_known_the_longest_first(tmp_path: Path) -> None:
    office = Office()
    for prefix in ("7", "7712", "77123456"):
        account = office.account(f"t{prefix}", "customer_trunk", tech_prefix=prefix)
        office.rows["overrides"].append([account, "needauth", "prefix"])
    for dialled, expected in (
        ("77123456361", "t77123456"),
        ("771236", "t7712"),
        ("736", "t7"),
        ("836", ASKED),
    ):
        assert named(office, tmp_path / dialled, request(dialled)) == expected


@pytest.mark.req("dialplan-002", "dialplan-029")
def test_an_account_may_have_several_tech_prefixes_of_which_the_longest_that_fits_comes_off(
    tmp_path: Path,
) -> None:
    office = Office()
    both = office.account("both", "customer_trunk", tech_prefix="88, 8812,9*")
    office.address(both, TRUNK)
    office.tariff("retail", {"": 1000}, to=both)
    office.rule("all", office.carrier("carrier", {"": 1}))
    anywhere = office.account("anywhere", "customer_trunk", tech_prefix="55,56")
    office.rows["overrides"].append([anywhere, "needauth", "prefix"])
    world = office.world(tmp_path)
    for prefix in ("88", "8812", "9*"):
        asking = call(called=f"{prefix}3620123")
        caller = identify(asking, world)
        assert isinstance(caller, Caller) and caller.username == "both"
        decided = decide(asking, caller, world, NOW, Usage())
        assert (decided.called, decided.tech_prefix) == ("3620123", prefix)  # type: ignore[union-attr]
    assert identify(call(called="993620123"), world) != world.account(both)
    for prefix in ("55", "56"):
        found = identify(request(f"{prefix}3620123", source_host="192.0.2.200"), world)
        assert isinstance(found, Caller) and found.username == "anywhere"


# --- addresses ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("devices-001")
def test_an_account_may_call_from_a_second_host_and_port_as_from_the_first(tmp_path: Path) -> None:
    office = Office()
    trunk = office.account("pbx", "customer_trunk")
    office.address(trunk, "pbx.example.net", 5060)
    office.address(trunk, "203.0.113.9", 5070)
    world = office.world(tmp_path)

    def known(host: str, port: int, *names: str) -> bool:
        asking = request("3620", source_host=host, source_port=port, from_user="x", named=names)
        return isinstance(identify(asking, world), Caller)

    assert known(TRUNK, 5060, "pbx.example.net") and known("203.0.113.9", 5070)
    assert not known(TRUNK, 5070, "pbx.example.net") and not known("203.0.113.9", 5060)
