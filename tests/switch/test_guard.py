"""Who guesses passwords is not heard for a while; who is trusted always is. The clock is the test's."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.task import Clock

from apps.config.registry import defaults
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
            Names(Dns(Clock()), self.clock),
            self.clock,
            self.firewall.swap,
            self.firewall.limit,
            self.firewall.ban_after,
        )
        self.firewall.on_flood = self.guard.flooded
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


def flood(watch: Watch, messages: int, host: str = GUESSER) -> int:
    """So many at once; how many were heard."""
    return sum(watch.firewall.admits(host) for _ in range(messages))


@pytest.mark.req("security-015", "security-025")
def test_who_floods_for_too_long_is_not_heard_at_all_for_a_while(watch: Watch) -> None:
    watch.settings(flood_messages_per_second=10, flood_burst=10, maxsubmsgcount=50, maxsubmsgperiod=60)
    assert flood(watch, 59) == 10
    watch.now += 1
    assert flood(watch, 1) == 1  # 49 above the rate are no reason yet
    assert flood(watch, 10) == 9
    watch.now += 1
    assert flood(watch, 10) == 0 and watch.firewall.bans(GUESSER)
    assert flood(watch, 5, PHONE) == 5
    watch.pass_time(601)
    assert flood(watch, 5) == 5


@pytest.mark.req("security-015")
def test_floods_that_are_far_apart_are_counted_apart_and_trusted_ones_never(watch: Watch) -> None:
    watch.settings(flood_messages_per_second=10, flood_burst=10, maxsubmsgcount=50, maxsubmsgperiod=60)
    for _ in range(3):
        flood(watch, 50)
        watch.now += 61
    assert not watch.firewall.bans(GUESSER)
    assert flood(watch, 5000, TRUNK) == 5000


def test_nobody_is_banned_for_a_flood_unless_an_operator_wants_that(watch: Watch) -> None:
    flood(watch, 100_000)
    assert not watch.firewall.bans(GUESSER)


# --- rules of the office, other offences, bans that others tell ---------------------------------------------------------


def ruled(watch: Watch, *rules: tuple[str, bool]) -> None:
    watch.office.firewall = [list(rule) for rule in rules]
    watch.settings()


@pytest.mark.req("security-002", "security-007", "security-008", "security-009", "security-057")
def test_while_everybody_is_heard_rules_say_who_is_not(watch: Watch) -> None:
    ruled(watch, ("*", True), (GUESSER, False), ("203.0.113.0/24", False), (TRUNK, False))
    assert not watch.firewall.admits(GUESSER) and not watch.firewall.admits("203.0.113.77")
    assert not watch.firewall.admits(TRUNK)  # said by the office, which goes before its being a trunk
    assert watch.firewall.admits(PHONE) and watch.firewall.admits(CARRIER)


@pytest.mark.req("security-009")
@pytest.mark.parametrize("everybody", [(("*", False),), ()])
def test_while_nobody_is_heard_rules_say_who_is(
    watch: Watch, everybody: tuple[tuple[str, bool], ...]
) -> None:
    ruled(watch, *everybody, (PHONE, True), ("203.0.113.0/24", True))
    assert watch.firewall.admits(PHONE) and watch.firewall.admits("203.0.113.77")
    assert not watch.firewall.admits(GUESSER)
    assert watch.firewall.admits(TRUNK) and watch.firewall.admits(CARRIER)


@pytest.mark.req("security-008", "security-097")
@pytest.mark.parametrize(
    ("line", "unwanted"),
    [("From: <sip:hacker@x>;tag=1", True), ("f: \"A\" <sips:hacker@x>", True), ("FROM : sip:hacker@x", True),
     ("From: <sip:hacker;x=y@x>", True), ("From: <sip:hackers@x>", False), ("From: <sip:good@hacker>", False),
     ("To: <sip:hacker@x>", False)],
)  # fmt: skip
def test_messages_from_a_blocked_user_name_are_not_read(watch: Watch, line: str, unwanted: bool) -> None:
    message = f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n{line}\r\n\r\n".encode()
    assert not watch.guard.unwanted(message)
    ruled(watch, ("*", True), ("U:hacker", False))
    assert watch.guard.unwanted(message) is unwanted


@pytest.mark.req("security-011", "security-069", "security-082", "security-091")
def test_without_the_firewall_everybody_is_heard(watch: Watch) -> None:
    ruled(watch, ("*", True), (PHONE, False))
    watch.guess(5)
    assert watch.firewall.bans(GUESSER) and watch.firewall.bans(PHONE)
    watch.settings(enablefirewall=False)
    assert not watch.firewall.bans(GUESSER) and not watch.firewall.bans(PHONE)
    watch.firewall.limit(1.0, 1.0)
    assert all(watch.firewall.admits(GUESSER) for _ in range(50))
    watch.guess(50, host="198.51.100.99")
    watch.settings(enablefirewall=True)
    assert not watch.firewall.bans("198.51.100.99")


@pytest.mark.req("security-016", "security-026")
def test_who_sends_too_much_without_a_meaning_is_not_heard(watch: Watch) -> None:
    watch.settings(maxwrongmsgallowed=10, maxwrongmsgperiod=100)
    for _ in range(9):
        watch.guard.meaningless(GUESSER)
    watch.now += 101
    for _ in range(9):
        watch.guard.meaningless(GUESSER)
    assert not watch.firewall.bans(GUESSER)
    watch.guard.meaningless(GUESSER)
    assert watch.firewall.bans(GUESSER)
    for _ in range(50):
        watch.guard.meaningless(TRUNK)
    assert not watch.firewall.bans(TRUNK)


@pytest.mark.req("security-026")
def test_the_guides_counts_of_meaningless_messages_are_the_defaults() -> None:
    assert (defaults()["maxwrongmsgallowed"], defaults()["maxwrongmsgperiod"]) == (4000, 3600)


@pytest.mark.req("security-027")
def test_who_asks_again_and_again_and_proves_nothing_is_not_heard(watch: Watch) -> None:
    watch.settings(maxsubsipauthrequest=5)
    for _ in range(3):
        for _ in range(4):
            watch.guard.asked(PHONE)
        watch.guard.proved(PHONE)
    assert not watch.firewall.bans(PHONE)
    for _ in range(5):
        watch.guard.asked(GUESSER)
    assert watch.firewall.bans(GUESSER)
    watch.settings(maxsubsipauthrequest=-1)
    for _ in range(999):
        watch.guard.asked(PHONE)
    assert not watch.firewall.bans(PHONE)
    watch.guard.asked(PHONE)
    assert watch.firewall.bans(PHONE)


def test_what_the_office_allows_is_never_banned(watch: Watch) -> None:
    ruled(watch, ("*", True), (GUESSER, True))
    watch.guess(50)
    watch.guard.flooded(GUESSER)
    assert not watch.firewall.bans(GUESSER)


@pytest.mark.req("security-005")
def test_a_ban_is_told_to_others_holds_there_as_long_and_is_lifted_by_the_office(watch: Watch) -> None:
    told: list[tuple[str, float, str]] = []
    watch.guard.tell = lambda *ban: told.append(ban)
    watch.guess(5)
    assert [(source, seconds) for source, seconds, _ in told] == [(GUESSER, 600.0)]
    watch.guard.told("203.0.113.5", 60.0, "guessed elsewhere")
    assert watch.firewall.bans("203.0.113.5") and len(told) == 1
    watch.guard.told(GUESSER, -5.0, "lifted by boss")
    watch.guard.told("rubbish", 60.0, "")
    assert not watch.firewall.bans(GUESSER)
    watch.pass_time(61)
    assert not watch.firewall.bans("203.0.113.5")
