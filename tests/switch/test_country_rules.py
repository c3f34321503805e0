"""Rules about countries: at the socket, for calls and for phones. The addresses are public ones, the file is the test's."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from switch.auth import UNAUTHORIZED, Doorkeeper, Refused
from switch.call.model import Rejection
from switch.call.pipeline import decide
from switch.sip.digest import Challenge, authorize, make_ha1
from switch.sip.message import Request
from switch.world.loader import load_now
from switch.world.world import Credential
from tests.support_sip import credential
from tests.switch.test_guard import CARRIER, TRUNK, Watch
from tests.switch.worlds import NOW, Office, Usage, request

HOME, ABROAD, SOMEWHERE, NEAR = "81.2.69.7", "5.187.16.9", "8.8.8.8", "192.168.0.7"
COUNTRIES = {"81.2.69.0/24": "GB", "5.187.16.0/20": "FR"}


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    found = Watch(tmp_path)
    found.office.countries = dict(COUNTRIES)
    return found


def ruled(watch: Watch, *rules: tuple[str, bool], **settings: Any) -> None:
    watch.office.firewall = [list(rule) for rule in rules]
    watch.settings(**settings)


def heard(watch: Watch) -> list[bool]:
    return [watch.firewall.admits(host) for host in (HOME, ABROAD, SOMEWHERE, NEAR)]


@pytest.mark.req("other-001")
def test_a_blocked_country_is_not_heard_and_everybody_else_is(watch: Watch) -> None:
    ruled(watch, ("*", True), ("C:FR", False))
    assert heard(watch) == [True, False, True, True]
    ruled(watch, ("*", True), ("C:ZZ", False))
    assert heard(watch) == [True, True, False, True]


@pytest.mark.req("other-001")
def test_with_the_door_closed_only_allowed_countries_are_heard(watch: Watch) -> None:
    ruled(watch, ("*", False), ("C:GB", True))
    assert heard(watch) == [True, False, False, False]
    assert watch.firewall.admits(TRUNK) and watch.firewall.admits(CARRIER)
    ruled(watch, ("*", False), ("C:GB", True), ("C:ZZ", True), ("192.168.0.0/24", True))
    assert heard(watch) == [True, False, True, True]


def test_what_is_said_of_an_address_goes_before_its_country_and_a_ban_too(watch: Watch) -> None:
    watch.office.address(watch.office.account("french", "customer_trunk"), "5.187.16.10")
    ruled(watch, ("*", True), ("C:FR", False), ("5.187.17.0/24", True), ("C:GB", True), ("81.2.69.8", False))
    assert not watch.firewall.admits(ABROAD) and not watch.firewall.admits("81.2.69.8")
    assert watch.firewall.admits("5.187.17.1") and watch.firewall.admits("5.187.16.10")
    watch.guess(5, HOME)  # a country that is allowed is not trusted
    assert watch.firewall.bans(HOME)


@pytest.mark.parametrize("closed", [False, True])
def test_without_a_file_nobody_is_kept_away_by_a_country(watch: Watch, closed: bool) -> None:
    watch.office.countries = {}
    ruled(watch, ("*", not closed), ("C:GB", True), ("C:FR", False))
    assert heard(watch) == [True, True, True, True]
    watch.office.countries = dict(COUNTRIES)  # it is there again
    watch.settings()
    assert heard(watch) == [True, False, not closed, not closed]


def test_a_compiled_file_that_is_broken_is_as_none_and_the_rest_of_the_world_is_loaded(
    watch: Watch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ruled(watch, ("*", False), ("C:GB", True))
    (file,) = tmp_path.glob("countries-*.geo")
    file.write_bytes(file.read_bytes()[:-3])
    with caplog.at_level(logging.ERROR):
        world = load_now(tmp_path).world
    assert world is not None and world.countries is None and "keep nobody away" in caplog.text
    watch.guard.follow(world)
    assert heard(watch) == [True, True, True, True]


def test_the_firewall_asks_for_a_country_once_for_each_source(watch: Watch) -> None:
    asked: list[str] = []
    ruled(watch, ("*", True), ("C:FR", False))
    tables = watch.firewall._tables
    country = tables.country
    assert country is not None

    def counted(host: str) -> str:
        asked.append(host)
        return country(host)

    object.__setattr__(tables, "country", counted)
    for _ in range(5):
        heard(watch)
    assert asked == [HOME, ABROAD, SOMEWHERE, NEAR]
    ruled(watch, ("*", True))
    assert watch.firewall._tables.country is None


# --- accounts -----------------------------------------------------------------------------------------------------------


class House(Office):
    """A reseller with a subscriber, and a trunk at a French address."""

    def __init__(self) -> None:
        super().__init__()
        self.countries = dict(COUNTRIES)
        self.reseller = self.account("partner", "reseller")
        self.ann = self.account("1001", above=self.reseller)
        self.rows["credentials"].append(credential("1001", "secret", self.ann))
        self.trunk = self.account("trunk", "customer_trunk", above=self.reseller)
        self.address(self.trunk, "5.187.16.0/24")

    def own(self, account: int, **settings: Any) -> House:
        self.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
        return self

    def call(self, folder: Path, host: str, by: int | None = None) -> str:
        """The cause of the refusal; "no_route" or the like when the country is none."""
        world = self.world(folder)
        caller = world.account(by or self.ann)
        assert caller is not None
        found = decide(request("36301234567", source_host=host), caller, world, NOW, Usage())
        assert isinstance(found, Rejection)
        return found.cause.name

    def registers(self, folder: Path, host: str, method: str = "REGISTER") -> bool:
        """Whether the right password is taken from there."""
        world = self.world(folder)
        door = Doorkeeper(world, b"secret")
        asked = door.prove(Request(method, "sip:x", [("To", "<sip:1001@x>")]), world, NOW, UNAUTHORIZED, host, 5060)  # fmt: skip
        assert isinstance(asked, Refused) and asked.status == 401
        challenge = Challenge.parse(asked.headers[0][1])
        ha1 = make_ha1("1001", "mizu", "secret", challenge.algorithm)
        said = authorize(challenge, method=method, uri="sip:x", username="1001", ha1=ha1)
        proof = Request(method, "sip:x", [("To", "<sip:1001@x>"), ("Authorization", said)])
        found = door.prove(proof, world, NOW, UNAUTHORIZED, host, 5060)
        assert isinstance(found, Credential) or (found.status, found.headers) == (403, ())
        return isinstance(found, Credential)


@pytest.mark.req("other-001")
@pytest.mark.parametrize(
    ("settings", "open_to"),
    [({}, {HOME, ABROAD, SOMEWHERE, NEAR}), ({"allowcountries": ["GB"]}, {HOME, NEAR}),
     ({"allowcountries": ["GB", "ZZ"]}, {HOME, SOMEWHERE, NEAR}), ({"blockcountries": ["FR"]}, {HOME, SOMEWHERE, NEAR}),
     ({"allowcountries": ["GB", "FR"], "blockcountries": ["FR"]}, {HOME, NEAR})],
)  # fmt: skip
def test_an_account_calls_and_registers_from_the_countries_it_may(
    tmp_path: Path, settings: dict[str, Any], open_to: set[str]
) -> None:
    house = House().own(House().reseller, **settings)  # it holds for everybody below
    for host in (HOME, ABROAD, SOMEWHERE, NEAR):
        assert (house.call(tmp_path, host) != "country_blocked") is (host in open_to)
        assert house.registers(tmp_path, host) is (host in open_to)


def test_an_account_may_have_other_countries_than_those_above_it(tmp_path: Path) -> None:
    house = House().own(House().reseller, allowcountries=["GB"]).own(House().ann, allowcountries=["FR"])
    assert house.call(tmp_path, ABROAD) != "country_blocked"
    assert house.call(tmp_path, HOME) == "country_blocked"


def test_an_address_that_was_entered_for_the_account_is_not_asked(tmp_path: Path) -> None:
    house = House().own(House().reseller, allowcountries=["GB"])
    assert house.call(tmp_path, "5.187.16.9", by=house.trunk) != "country_blocked"
    assert house.call(tmp_path, "5.187.17.9", by=house.trunk) == "country_blocked"


def test_a_call_from_abroad_is_refused_with_its_country_in_the_record_and_a_password_there_is_believed(
    tmp_path: Path,
) -> None:
    """The doorkeeper lets an INVITE through, so that the refusal has a record."""
    house = House().own(House().reseller, blockcountries=["FR"])
    world = house.world(tmp_path)
    caller = world.account(house.ann)
    assert caller is not None
    found = decide(request("36301234567", source_host=ABROAD), caller, world, NOW, Usage())
    assert isinstance(found, Rejection) and found.detail == f"{ABROAD} is in FR (blockcountries)"
    assert house.registers(tmp_path, ABROAD, "INVITE")


def test_without_a_file_no_account_is_kept_away(tmp_path: Path) -> None:
    house = House().own(House().reseller, allowcountries=["GB"])
    house.countries = {}
    assert house.call(tmp_path, ABROAD) != "country_blocked" and house.registers(tmp_path, ABROAD)


# --- single ports -------------------------------------------------------------------------------------------------------


@pytest.mark.req("security-029")
def test_a_port_that_guesses_is_not_heard_and_the_others_of_its_address_are(watch: Watch) -> None:
    watch.settings(maxwrongauthfromip=30, maxfailedauthenabledipport=5, maxsubfailauthperiod=60)
    told: list[str] = []
    watch.guard.tell = lambda source, *_: told.append(source)
    for _ in range(4):
        watch.guard.wrong(HOME, 5062)
        watch.guard.wrong(HOME, 5063)
    assert watch.firewall.admits(HOME, 5062) and not told
    watch.guard.wrong(HOME, 5062)
    assert told == [f"{HOME}:5062"]
    assert not watch.firewall.admits(HOME, 5062) and watch.firewall.bans(HOME, 5062)
    assert watch.firewall.admits(HOME, 5063) and not watch.firewall.bans(HOME)
    watch.pass_time(601)
    assert watch.firewall.admits(HOME, 5062)


@pytest.mark.req("security-029")
def test_who_takes_port_after_port_loses_the_address(watch: Watch) -> None:
    watch.settings(maxwrongauthfromip=12, maxfailedauthenabledipport=5, maxsubfailauthperiod=60)
    for port in (6001, 6002, 6003):
        for _ in range(4):
            watch.guard.wrong(HOME, port)
    assert watch.firewall.bans(HOME) and not watch.firewall.admits(HOME, 7000)


def test_wrong_passwords_of_a_port_are_forgiven_in_time_and_never_counted_without_a_limit(
    watch: Watch,
) -> None:
    watch.settings(maxwrongauthfromip=0, maxfailedauthenabledipport=5, maxsubfailauthperiod=60)
    for _ in range(20):
        watch.guard.wrong(HOME, 5062)
        watch.now += 16
    assert watch.firewall.admits(HOME, 5062)
    watch.settings(maxfailedauthenabledipport=0)
    for _ in range(50):
        watch.guard.wrong(HOME, 5062)
        watch.guard.wrong(TRUNK, 5062)
    assert watch.firewall.admits(HOME, 5062) and watch.firewall.admits(TRUNK, 5062)


def test_the_limit_of_a_port_comes_before_that_of_the_address() -> None:
    settings = Office().settings
    assert 0 < settings["maxfailedauthenabledipport"] < settings["maxwrongauthfromip"]


@pytest.mark.req("security-029")
@pytest.mark.parametrize(
    ("source", "host"), [("81.2.69.7:5062", "81.2.69.7"), ("[2001:218::1]:5062", "2001:218::1")]
)
def test_a_ban_of_a_port_is_taken_over_from_other_workers_and_lifted(watch: Watch, source: str, host: str) -> None:  # fmt: skip
    watch.settings()
    watch.guard.told(source, 60.0, "guessed elsewhere")
    assert not watch.firewall.admits(host, 5062) and watch.firewall.admits(host, 5061)
    watch.guard.told(source, 0, "lifted by boss")
    assert watch.firewall.admits(host, 5062)
    watch.guard.told(f"{host}:99999999", 60.0, "rubbish")
    assert watch.firewall.admits(host, 5062)


@pytest.mark.req("security-029")
def test_the_office_blocks_single_ports_even_of_trunks_unless_the_firewall_is_off(watch: Watch) -> None:
    ruled(watch, ("*", True), (f"{TRUNK}:5060", False), ("[2001:218::1]:5060", False))
    assert not watch.firewall.admits(TRUNK, 5060) and watch.firewall.admits(TRUNK, 5061)
    assert not watch.firewall.admits("2001:218::1", 5060)
    watch.settings(enablefirewall=False)
    assert watch.firewall.admits(TRUNK, 5060)
