"""The basic call flows of RFC 3665, played by SIPp as the two phones. Section numbers are those of the RFC.

Where its proxies stand, we stand: what they would pass on, we send as a party of its own, so that Via, Contact and tags are ours.
Its flows 3.2 to 3.4 (two proxies, one that fails) are played with Kamailio in front (`tests/interop/test_kamailio.py`), 3.5 (a gateway that
changes addresses) by the NATs of `tests/switch/call/test_nats.py`, 3.10 (a phone that says nothing) on a simulated clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.house import House
from tests.flows.script import Script, asked_at, asking, sdp
from tests.support import free_port

pytestmark = [pytest.mark.flow, pytest.mark.timeout(120)]

BUSY, AWAY, CANCELLED = 486, 480, 487


@pytest.fixture(scope="module")
def alice(house: House) -> tuple[str, str]:
    """A subscriber's user name and password."""
    return "3665001", house.subscriber("3665001", money="0")


@pytest.fixture(scope="module")
def bob(house: House) -> tuple[str, str]:
    return "3665002", house.subscriber("3665002", money="0")


Play = Callable[[Script], None]


@pytest.fixture
def play(house: House, folder: Path) -> Play:
    """Play one side alone, to its end."""

    def played(script: Script) -> None:
        with asking(folder, script, house.sip) as party:
            party.finish()

    return played


def registering(name: str, who: tuple[str, str]) -> Script:
    """2.1: a REGISTER without proof, the challenge, and the same with it. The next step is what comes of it."""
    user, password = who
    script = Script(name, user, password=password)
    script.says("REGISTER", contact=OWN, more="Expires: 120").hears(401)
    return script.says("REGISTER", contact=OWN, proof=True, more="Expires: 120")


OWN = "<sip:desk@[local_ip]:[local_port]>"
OTHER = "<sip:lab@127.0.0.1:9>"


# --- section 2: registration --------------------------------------------------------------------------------------------------------


def test_2_1_a_phone_registers_with_its_password(play: Play, alice: tuple[str, str]) -> None:
    play(registering("2.1", alice).hears(200, header=r"Contact: <sip:desk@[^>]*>[^\n]*expires=1[12][0-9]"))


def test_2_2_a_second_contact_is_added_and_both_are_told(play: Play, alice: tuple[str, str]) -> None:
    flow = registering("2.2", alice).hears(200)
    flow.says("REGISTER", contact=OTHER, more="Expires: 120").hears(401)
    flow.says("REGISTER", contact=OTHER, proof=True, more="Expires: 120")
    play(flow.hears(200, header=r"sip:desk@.*sip:lab@|sip:lab@.*sip:desk@"))


def test_2_3_without_a_contact_it_asks_for_the_list_and_changes_nothing(
    play: Play, alice: tuple[str, str]
) -> None:
    flow = registering("2.3", alice).hears(200)
    for _ in range(2):
        flow.says("REGISTER").hears(401).says("REGISTER", proof=True).hears(200, header="Contact: <sip:desk@")
    play(flow)


def test_2_4_a_star_with_no_time_takes_every_contact_away(play: Play, alice: tuple[str, str]) -> None:
    flow = registering("2.4", alice).hears(200)
    flow.says("REGISTER", contact="*", more="Expires: 0").hears(401)
    flow.says("REGISTER", contact="*", proof=True, more="Expires: 0").hears(200, without="Contact:")
    play(flow)


def test_2_5_a_wrong_password_is_challenged_again(play: Play, alice: tuple[str, str]) -> None:
    play(registering("2.5", (alice[0], "not-the-password")).hears(401))


# --- section 3: sessions ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(house: House, folder: Path, bob: tuple[str, str]) -> Iterator[int]:
    """The port at which Bob's phone is registered."""
    port = free_port()
    with asking(folder, registering("bob", bob).hears(200), house.sip, port=port) as phone:
        phone.finish()
    yield port
    leaving = Script("bob-leaves", bob[0], password=bob[1]).says("REGISTER", contact="*", more="Expires: 0")
    leaving.hears(401).says("REGISTER", contact="*", proof=True, more="Expires: 0").hears(200)
    with asking(folder, leaving, house.sip, port=port) as phone:
        phone.finish()


@pytest.fixture
def both(house: House, folder: Path, desk: int) -> Callable[[Script, Script], None]:
    """Play Bob's side, who is called, and Alice's, to their ends."""

    def played(caller: Script, called: Script) -> None:
        with (
            asked_at(folder, called, desk) as callee,
            asking(folder, caller, house.sip) as party,
        ):
            party.finish(40)
            callee.finish()

    return played


Both = Callable[[Script, Script], None]


def calling(name: str, who: tuple[str, str], whom: tuple[str, str], body: str) -> Script:
    """An INVITE that is challenged, and its repetition with proof."""
    script = Script(f"{name}-alice", who[0], password=who[1], peer=whom[0])
    script.says("INVITE", body=body).hears(100, optional=True).refused(407)
    return script.says("INVITE", body=body, proof=True).hears(100, optional=True)


def test_3_1_a_session_is_set_up_and_the_called_hangs_up(
    alice: tuple[str, str], bob: tuple[str, str], both: Both
) -> None:
    caller = (
        calling("3.1", alice, bob, sdp(6000)).hears(180).hears(200, body="m=audio").says("ACK", inside=True)
    )
    called = (
        Script("3.1-bob", bob[0], peer=alice[0])
        .asked("INVITE", body="m=audio")
        .answers(180)
        .answers(200, body=sdp(6100))
    )
    called.asked("ACK").waits(0.2).says("BYE", inside=True).hears(200)
    both(caller.asked("BYE").agrees(), called)


def test_3_6_an_offer_may_come_with_the_answer_and_the_answer_with_the_ack(
    alice: tuple[str, str], bob: tuple[str, str], both: Both
) -> None:
    """The late offer of 3.6; its redirection is `tests/switch/call/test_b2bua_carriers.py`."""
    caller = (
        calling("3.6", alice, bob, "")
        .hears(180)
        .hears(200, body="m=audio")
        .says("ACK", inside=True, body=sdp(6000))
    )
    called = Script("3.6-bob", bob[0]).asked("INVITE").answers(180).answers(200, body=sdp(6100))
    called.asked("ACK", body="m=audio").asked("BYE").agrees()
    both(caller.waits(0.2).says("BYE", inside=True).hears(200), called)


def test_3_7_a_phone_that_moves_says_so_and_the_other_follows(
    alice: tuple[str, str], bob: tuple[str, str], both: Both
) -> None:
    caller = (
        calling("3.7", alice, bob, sdp(6000)).hears(180).hears(200, body="m=audio").says("ACK", inside=True)
    )
    caller.asked("INVITE", body="m=audio").agrees(sdp(6000, 2)).asked("ACK")
    called = (
        Script("3.7-bob", bob[0], peer=alice[0])
        .asked("INVITE")
        .answers(180)
        .answers(200, body=sdp(6100))
        .asked("ACK")
    )
    called.waits(0.2).says("INVITE", inside=True, body=sdp(6200, 2)).hears(100, optional=True)
    called.hears(200, body="m=audio").says("ACK", inside=True).waits(0.2).says("BYE", inside=True).hears(200)
    both(caller.asked("BYE").agrees(), called)


def test_3_8_a_caller_gives_up_while_it_rings(
    alice: tuple[str, str], bob: tuple[str, str], both: Both
) -> None:
    caller = calling("3.8", alice, bob, sdp(6000)).hears(180).waits(0.2).says("CANCEL").hears(200)
    called = Script("3.8-bob", bob[0]).asked("INVITE").answers(180).asked("CANCEL").agrees()
    both(caller.refused(CANCELLED), called.answers(CANCELLED, of="INVITE").asked("ACK"))


@pytest.mark.parametrize(("section", "status"), [("3.9", BUSY), ("3.11", AWAY)])
def test_3_9_and_3_11_busy_or_away_is_told_to_the_caller(
    alice: tuple[str, str], bob: tuple[str, str], both: Both, section: str, status: int
) -> None:
    called = Script(f"{section}-bob", bob[0]).asked("INVITE").answers(180).answers(status).asked("ACK")
    both(calling(section, alice, bob, sdp(6000)).hears(180).refused(status), called)
