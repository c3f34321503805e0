"""Who guesses passwords is not heard for a while; who is trusted always is. The clock is the test's."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.task import Clock

from switch.call.dns import Dns
from switch.call.names import Names
from switch.guard import REMEMBERED, Guard
from switch.net import Firewall
from tests.switch.worlds import Office

GUESSER, PHONE, TRUNK, CARRIER = "198.51.100.7", "198.51.100.8", "192.0.2.1", "192.0.2.9"


class Watch:
    """A guard with its firewall, a world with one trunk and one carrier, and the time."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_000.0
        office = Office()
        office.settings |= {"maxwrongauthfromip": 5, "maxsubfailauthperiod": 60, "reenabledosblocked": 600}
        office.address(office.account("trunk", "customer_trunk"), TRUNK)
        office.address(office.account("anybody", "customer_trunk"), "100.0.0.0/8")
        office.carrier("carrier", {"": 1})
        self.office, self.folder = office, folder
        self.firewall = Firewall(self.clock)
        self.guard = Guard(
            Names(Dns(Clock()), self.clock), self.clock, self.firewall.swap, self.firewall.limit
        )
        self.settings()

    def settings(self, **changed: int) -> None:
        """The office changes them, and a new world comes."""
        self.office.settings |= changed
        self.guard.follow(self.office.world(self.folder))

    def clock(self) -> float:
        return self.now

    def guess(self, times: int, host: str = GUESSER, every: float = 1.0) -> None:
        for _ in range(times):
            self.guard.wrong(host)
            self.now += every

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.guard.sweep()


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    return Watch(tmp_path)


@pytest.mark.req("security-028")
def test_who_gives_too_many_wrong_passwords_is_not_heard_and_nobody_else_suffers(watch: Watch) -> None:
    watch.guess(4)
    assert not watch.firewall.bans(GUESSER)
    watch.guess(1)
    assert watch.firewall.bans(GUESSER)
    assert watch.firewall.admits(PHONE)


@pytest.mark.req("security-017", "security-030")
def test_a_ban_is_over_after_its_time_and_the_count_begins_anew(watch: Watch) -> None:
    watch.guess(5)
    watch.pass_time(590)
    assert watch.firewall.bans(GUESSER)
    watch.pass_time(20)
    assert not watch.firewall.bans(GUESSER)
    watch.guess(4)
    assert not watch.firewall.bans(GUESSER)


def test_wrong_passwords_over_a_longer_time_are_forgiven(watch: Watch) -> None:
    watch.guess(20, every=16.0)
    assert not watch.firewall.bans(GUESSER)


@pytest.mark.parametrize("host", [TRUNK, CARRIER])
def test_trunks_and_carriers_are_never_banned_nor_said_to_be(
    watch: Watch, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    watch.guess(100, host)
    assert not watch.firewall.bans(host)
    assert "not heard" not in caplog.text


def test_an_account_for_anybody_makes_nobody_trusted(watch: Watch) -> None:
    watch.guess(5, "100.1.2.3")
    assert watch.firewall.bans("100.1.2.3")


def test_a_guesser_with_an_ipv6_64_is_banned_whatever_address_it_takes(watch: Watch) -> None:
    for number in range(5):
        watch.guard.wrong(f"2001:db8::{number}")
    assert watch.firewall.bans("2001:db8::ffff")
    assert not watch.firewall.bans("2001:db8:0:1::1")


def test_the_limit_of_the_settings_holds_as_soon_as_it_is_changed(watch: Watch) -> None:
    watch.guess(3)
    watch.settings(maxwrongauthfromip=2)
    watch.guess(1)
    assert watch.firewall.bans(GUESSER)
    watch.pass_time(700)
    watch.settings(maxwrongauthfromip=0)
    watch.guess(100)
    assert not watch.firewall.bans(GUESSER)


def test_what_is_remembered_of_guessers_is_bounded(watch: Watch) -> None:
    for number in range(REMEMBERED + 500):
        watch.guard.wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(watch.guard._wrong) == REMEMBERED
