"""What a world answers, and how files become one."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from apps.pricing.engine import Rate, Terms
from apps.pricing.engine.price_lists import Given
from switch.world.loader import POLL_SECONDS, WorldKeeper, load_now
from switch.world.minutes import minute_cost
from switch.world.names import Names, write_names
from switch.world.settings import Settings
from switch.world.store import KEPT_MANIFESTS, Manifest, StoreError, read_part
from tests.switch.worlds import NOW, Office, write


@pytest.fixture
def office() -> Office:
    return Office()


def owners(office: Office, folder: Path, host: str, port: int = 5060) -> list[int]:
    return [one.account_id for one in office.world(folder).sources(host, port)]


def test_an_address_belongs_to_the_longest_network_first(office: Office, tmp_path: Path) -> None:
    wide, narrow, exact = (office.account(name, "customer_trunk") for name in ("wide", "narrow", "exact"))
    office.address(wide, "192.0.2.0/24")
    office.address(narrow, "192.0.2.0/28")
    office.address(exact, "192.0.2.7")
    assert owners(office, tmp_path, "192.0.2.7") == [exact, narrow, wide]
    assert owners(office, tmp_path, "192.0.2.77") == [wide]
    assert owners(office, tmp_path, "192.0.3.7") == []


def test_a_port_that_is_named_outranks_any_port_and_excludes_others(office: Office, tmp_path: Path) -> None:
    any_port, one_port = office.account("any", "customer_trunk"), office.account("one", "customer_trunk")
    office.address(any_port, "192.0.2.7")
    office.address(one_port, "192.0.2.7", 5070)
    assert owners(office, tmp_path, "192.0.2.7", 5070) == [one_port, any_port]
    assert owners(office, tmp_path, "192.0.2.7", 5060) == [any_port]


def test_the_longer_tech_prefix_of_an_address_is_asked_first(office: Office, tmp_path: Path) -> None:
    plain = office.account("plain", "customer_trunk")
    short = office.account("short", "customer_trunk", tech_prefix="9")
    longer = office.account("longer", "customer_trunk", tech_prefix="99")
    for account in (plain, short, longer):
        office.address(account, "192.0.2.7")
    assert owners(office, tmp_path, "192.0.2.7") == [longer, short, plain]


@pytest.mark.parametrize("host", ["2001:db8::1", "2001:0db8:0:0::1", "::ffff:192.0.2.7"])
def test_an_address_is_known_however_it_is_written(office: Office, tmp_path: Path, host: str) -> None:
    account = office.account("six", "customer_trunk")
    office.address(account, "2001:DB8::1")
    office.address(account, "192.0.2.7")
    assert owners(office, tmp_path, host) == [account]


@pytest.mark.parametrize("host", ["", "host.example", "999.1.1.1", "192.0.2"])
def test_what_is_no_address_belongs_to_nobody(office: Office, tmp_path: Path, host: str) -> None:
    office.address(office.account("net", "customer_trunk"), "0.0.0.0/0")
    assert owners(office, tmp_path, host) == []


def test_a_tariff_is_inherited_from_the_nearest_above(office: Office, tmp_path: Path) -> None:
    top = office.account("top", "owner")
    middle = office.account("middle", "reseller", above=top)
    phone = office.phone("1001", above=middle)
    general = office.tariff("retail", {"1": 1}, to=top)
    world = office.world(tmp_path / "a")
    caller = world.account(phone)
    assert caller is not None
    found = world.tariff(caller, "retail")
    assert found is not None
    assert (found[0].id, found[1]) == (general, top)
    own = office.tariff("retail", {"1": 1}, to=phone)
    found = office.world(tmp_path / "b").tariff(caller, "retail")
    assert found is not None
    assert (found[0].id, found[1]) == (own, phone)
    assert world.tariff(caller, "sales") is None


def test_the_exchange_rate_is_that_of_the_day(office: Office, tmp_path: Path) -> None:
    office.rows["exchange"] += [["HUF", 1000, 390 * 10**8], ["HUF", 2000, 400 * 10**8]]
    world = office.world(tmp_path)
    assert [world.exchange("HUF", "EUR", at) for at in (999, 1000, 1999.5, 2000)] == [
        None,
        (10**8, 390 * 10**8),
        (10**8, 390 * 10**8),
        (10**8, 400 * 10**8),
    ]
    assert world.exchange("HUF", "HUF", 0) == (1, 1)


@pytest.mark.parametrize(
    ("fields", "billionths"),
    [
        ({"price": 12_345}, 12_345_000),
        ({"price": 12_345, "connect_fee": 5_000}, 17_345_000),
        ({"price": 6_000, "first_increment": 90}, 9_000_000),
        ({"price": 6_000, "first_increment": 50, "next_increment": 30}, 8_000_000),
        ({"price": 6_000, "free_seconds": 30}, 3_000_000),
    ],
)
def test_carriers_are_compared_by_the_cost_of_one_minute(
    office: Office, tmp_path: Path, fields: dict[str, int], billionths: int
) -> None:
    office.tariff("carrier", [Rate(1, "36", **fields)], to=office.carrier("one", None))
    world = office.world(tmp_path)
    [tariff] = world._tables.prices.tariffs.values()
    terms = world.terms(Given(tariff, 0), "3620", NOW, currency="EUR", vat_ppm=0)
    assert isinstance(terms, Terms)
    assert minute_cost(terms, NOW) == billionths


def test_destinations_are_named_by_rate(tmp_path: Path) -> None:
    write_names([(3, "Hungary"), (5, "Österreich"), (9, "Hungary")], tmp_path / "names")
    names = Names(tmp_path / "names")
    assert [names.of(rate) for rate in (1, 3, 4, 5, 9, 10)] == [
        "",
        "Hungary",
        "",
        "Österreich",
        "Hungary",
        "",
    ]


def test_a_list_without_names_names_nothing(tmp_path: Path) -> None:
    write_names([], tmp_path / "names")
    assert Names(tmp_path / "names").of(0) == ""


# files


def test_an_unchanged_part_keeps_its_file_and_the_manifest_its_version(
    office: Office, tmp_path: Path
) -> None:
    office.phone("1001")
    before = write(office, tmp_path).manifest
    again = write(office, tmp_path, NOW + 5).manifest
    assert before == again


def test_files_that_recent_manifests_name_stay_and_older_ones_go(office: Office, tmp_path: Path) -> None:
    store = write(office, tmp_path)
    assert store.manifest is not None
    first = store.manifest.parts["accounts"]
    for step in range(KEPT_MANIFESTS):
        assert (tmp_path / first).exists(), step
        office.phone(f"{step}")
        part = store.write_part("accounts", {"accounts": office.rows["accounts"]})
        far = (tmp_path / first).stat().st_mtime + 3600
        store.publish({**store.manifest.parts, "accounts": part}, far)
    assert not (tmp_path / first).exists()


@pytest.mark.parametrize("cut", [2, 40, 200])
def test_a_part_that_was_cut_off_is_noticed(office: Office, tmp_path: Path, cut: int) -> None:
    for number in range(5):
        office.phone(f"100{number}")
    path = tmp_path / Manifest.read(write(office, tmp_path).folder).parts["accounts"]
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(StoreError):
        list(read_part(path))


# the keeper


class Watch:
    """A keeper on a clock of its own."""

    def __init__(self, var: Path) -> None:
        self.clock = Clock()
        self.seen: list[str] = []
        self.keeper = WorldKeeper(self.clock, var, lambda world: self.seen.append(world.version))
        self.keeper.start()

    def usernames(self) -> set[str]:
        assert self.keeper.world is not None
        return {row[1] for row in self.keeper.world.accounts.values()}

    def let_pass(self, seconds: float = 1.0) -> None:
        for _ in range(int(seconds / 0.001)):
            self.clock.advance(0.001)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "world"


def test_a_keeper_starts_with_what_is_there(office: Office, tmp_path: Path, folder: Path) -> None:
    office.phone("1001")
    write(office, folder)
    assert Watch(tmp_path).usernames() == {"1001"}


def test_a_keeper_without_a_snapshot_waits_for_the_first(
    office: Office, tmp_path: Path, folder: Path
) -> None:
    watch = Watch(tmp_path)
    assert watch.keeper.world is None
    office.phone("1001")
    write(office, folder)
    watch.let_pass()
    assert watch.usernames() == {"1001"}


def test_a_keeper_follows_within_a_second_and_reuses_what_has_not_changed(
    office: Office, tmp_path: Path, folder: Path
) -> None:
    office.tariff("retail", {"36": 1}, to=office.phone("1001"))
    write(office, folder)
    watch = Watch(tmp_path)
    old = watch.keeper.world
    assert old is not None
    office.phone("1002")
    write(office, folder)
    watch.let_pass(POLL_SECONDS + 0.1)
    new = watch.keeper.world
    assert new is not None
    assert watch.usernames() == {"1001", "1002"}
    assert {id(deck) for deck in new._decks.values()} == {id(deck) for deck in old._decks.values()}
    assert watch.seen == [old.version, new.version]


@pytest.mark.parametrize(
    "what", ["manifest", "accounts", "deck", "missing part", "unknown account", "settings"]
)
def test_a_broken_snapshot_leaves_the_old_world_in_place_and_is_logged(
    office: Office, tmp_path: Path, folder: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    office.tariff("retail", {"36": 1}, to=office.phone("1001"))
    write(office, folder)
    watch = Watch(tmp_path)
    old = watch.keeper.world
    office.phone("1002")
    if what == "unknown account":
        office.rows["addresses"].append(["192.0.2.1", 0, 12345])
    if what == "settings":
        del office.settings["maxreroute"]
    office.tariff("retail", {"44": 1})
    store = write(office, folder)
    assert store.manifest is not None
    parts = store.manifest.parts
    if what == "manifest":
        (folder / "manifest.json").write_bytes(b'{"format": 1, "ver')
    elif what == "accounts":
        (folder / parts["accounts"]).write_bytes(b'["accounts",[[1]]]\n["end",1]\n')
    elif what == "deck":
        newest = max((part for part in parts if part.startswith("deck")), key=lambda part: int(part[5:]))
        (folder / parts[newest]).write_bytes(b"MIZU")
    elif what == "missing part":
        manifest = json.loads((folder / "manifest.json").read_bytes())
        del manifest["parts"]["routes"]
        (folder / "manifest.json").write_text(json.dumps(manifest))
    with caplog.at_level(logging.CRITICAL):
        watch.let_pass()
    assert watch.keeper.world is old
    assert "broken" in caplog.text
    office.settings["maxreroute"] = 3
    office.rows["addresses"].clear()
    office.phone("1003")
    write(office, folder)
    watch.let_pass()
    assert watch.usernames() == {"1001", "1002", "1003"}


def test_a_file_that_vanished_under_the_reader_is_read_anew(
    office: Office, tmp_path: Path, folder: Path
) -> None:
    write(office, folder)
    watch = Watch(tmp_path)
    office.phone("1001")
    store = write(office, folder)
    assert store.manifest is not None
    path = folder / store.manifest.parts["accounts"]
    content = path.read_bytes()
    path.unlink()
    watch.let_pass(0.2)
    path.write_bytes(content)
    watch.let_pass(0.2)
    assert watch.usernames() == {"1001"}


def test_what_is_the_same_for_all_calls_of_a_carrier_is_known_before_the_first(
    office: Office, tmp_path: Path, folder: Path
) -> None:
    carriers = {office.carrier(name, {"36": 1}) for name in ("one", "two")}
    write(office, folder)
    watch = Watch(tmp_path)
    assert watch.keeper.world is not None
    assert set(watch.keeper.world.carriers) == carriers


def test_a_stopped_keeper_leaves_no_timer(office: Office, tmp_path: Path, folder: Path) -> None:
    write(office, folder)
    watch = Watch(tmp_path)
    watch.keeper.stop()
    assert watch.clock.getDelayedCalls() == []


def test_fifty_thousand_accounts_are_read_in_steps(office: Office, tmp_path: Path, folder: Path) -> None:
    top = office.account("top", "owner")
    for number in range(50_000):
        office.phone(f"u{number}", above=top, number=f"36{number:07d}")
    write(office, folder)
    parts = load_now(folder)
    assert parts.world is not None
    assert parts.world.local("360049999") == parts.world.local("u49999")
    watch = Watch(tmp_path)
    office.phone("one more")
    write(office, folder)
    ticks = 0
    while len(watch.keeper.world.accounts if watch.keeper.world else ()) < 50_002:
        watch.clock.advance(0.11 if ticks == 0 else 0.003)
        ticks += 1
        assert ticks < 5000
    assert ticks > 20


def test_an_account_has_its_own_settings_or_those_above_it(tmp_path: Path) -> None:
    office = Office()
    office.settings["ringtimeout"] = 60
    reseller = office.account("reseller", "reseller")
    plain, own = office.phone("1001", above=reseller), office.phone("1002", above=reseller)
    other = office.phone("1003")
    office.rows["overrides"] += [
        [reseller, "ringtimeout", 40],
        [own, "ringtimeout", 20],
        [own, "reroutedisccodes", [503]],
        [own, "not_of_the_switch", "x"],
    ]
    world = office.world(tmp_path)

    def settings(account: int) -> Settings:
        caller = world.account(account)
        assert caller is not None
        return world.settings_of(caller)

    assert [settings(one).ringtimeout for one in (plain, own, other)] == [40, 20, 60]
    assert settings(own).reroutedisccodes == frozenset({503})
    assert settings(other) is world.settings


def test_a_certificate_names_the_account_that_says_so_and_nobody_below_it(tmp_path: Path) -> None:
    office = Office()
    reseller = office.account("reseller", "reseller")
    above = office.account("trunk", "customer_trunk", above=reseller, tech_prefix="99#")
    other = office.account("other", "customer_trunk")
    office.rows["overrides"] += [
        [above, "tlspeernames", ["Trunk.example.org", "shared.example"]],
        [other, "tlspeernames", ["shared.example"]],
        [12345, "tlspeernames", ["gone.example"]],
    ]
    world = office.world(tmp_path)
    assert [one.account_id for one in world.certified(["trunk.example.org"])] == [above]
    assert [one.account_id for one in world.certified(["shared.example"])] == [above, other], (
        "longest tech prefix first"
    )
    assert world.certified(["gone.example", "example.org"]) == []
