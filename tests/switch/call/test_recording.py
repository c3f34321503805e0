"""Calls that are recorded: by the worker's own relay and by rtpengine, on both sides, in step, whatever happens to the worker."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.recordings.engine.spool import FOLDER
from switch.sip.sdp import Sdp
from tests.audio import Talker, from_ulaw, loudest, tone
from tests.recorded import HIGH, LOW, Heard, as_office, finished, speak
from tests.rtpengine import Daemon
from tests.srtp import Srtp, new_key
from tests.support import free_ports, wait_for
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House, furnish, opened
from tests.switch.call.test_media_announcements import record
from tests.switch.call.test_media_ways import answered, offer, over, place, talkers
from tests.switch.worlds import Office

pytestmark = pytest.mark.django_db

CALLERS: dict[str, dict[str, Any]] = {
    "makes": {"record": "outgoing", "routertpcaller": "bypass"},
    "gets": {"record": "incoming", "routertpcaller": "bypass"},
    "some": {"record": "all", "recordnumbers": ["555"], "routertpcaller": "bypass"},
    "keys": {"recordondemand": True, "ivrdtmfmethod": "all"},
    "tells": {"record": "all", "recordannouncement": "told"},
    "tells-not": {"record": "all", "recordannouncement": "nothing"},
    "always": {"disablep2prtrouting": True, "routertpcaller": "bypass"},
    "plain": {"routertpcaller": "bypass"},
    "secret": {"record": "all", "srtp": "bypass", "media_engine": "relay"},
}
PHONES: dict[str, dict[str, Any]] = {
    "4001": {"routertpcalled": "peer"},
    "4002": {"routertpcalled": "peer", "record": "incoming"},
    "4003": {"srtp": "offer"},
    "4004": {"routertpcalled": "peer", "record": "outgoing"},
}
ports: dict[str, int] = {}
LONG = 0.6


def people(office: Office) -> None:
    """The callers have the same ports at every worker of this module."""
    first = ports.get(next(iter(CALLERS))) or free_ports(len(CALLERS))
    for number, (name, settings) in enumerate(CALLERS.items()):
        account = office.account(name, "customer_trunk")
        ports[name] = first + number
        office.address(account, "127.0.0.1", ports[name])
        office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
    for user, settings in PHONES.items():
        account = office.account(user)
        office.rows["credentials"].append(credential(user, f"secret-{user}", account))
        office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
    office.rows["forwards"].append([account, "always", "4001", 0])


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    made = Daemon()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, daemon: Daemon) -> Iterator[House]:
    def change(office: Office) -> None:
        people(office)
        office.settings["rtpengine_nodes"] = (f"127.0.0.1:{daemon.port}",)

    with opened(django_db_blocker, change=change) as found:
        record(found.switch.var / "voices" / "told.wav", tone(700, seconds=0.4))
        yield found


@pytest.fixture
def office(house: House, settings: Any) -> Iterator[None]:
    with as_office(house.switch.var, settings):
        yield


@pytest.fixture
def call(house: House) -> Iterator[Callable[..., Any]]:
    """Begin a call: `caller, called, invite, as the called got it`."""
    made: list[Peer] = []

    def begin(caller: str, phone: str, **fields: Any) -> Any:
        return dialled(house, made, caller, phone, **fields)

    yield begin
    for peer in made:
        if peer.user in PHONES:
            peer.register(f"secret-{peer.user}", expires=0)
        peer.close()


def dialled(house: House, made: list[Peer], caller: str, phone: str, number: str = "", **fields: Any) -> Any:
    a, b = Peer(house.switch.port, caller, port=ports[caller]), Peer(house.switch.port, phone)
    made.extend((a, b))
    assert b.register(f"secret-{phone}").status == 200
    invite = a.invite(number or phone, **fields)
    a.send(invite)
    return a, b, invite, b.asked("INVITE")


def is_good(heard: Heard) -> None:
    low, high = heard.pitches()
    assert abs(low - LOW) < 20 and abs(high - HIGH) < 20, (low, high)
    assert heard.step() < 0.04
    assert abs(len(heard.caller) / heard.row.rate - (LONG + 0.2)) < 0.15


def nothing_recorded(house: House) -> None:
    assert list((house.switch.var / FOLDER).glob("*")) == []


@pytest.mark.req("recording-001", "recording-004", "recording-009", "recording-029")
@pytest.mark.parametrize(("caller", "phone"), [("makes", "4001"), ("plain", "4002")])
def test_a_recording_has_the_caller_left_and_the_called_right_in_step(
    house: House, office: None, call: Callable[..., Any], caller: str, phone: str
) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call(caller, phone, body=offer(left.port))
        assert place(out.body)[1] != left.port, "media does not go through the switch"
        _, ok = answered(a, b, invite, out, offer(right.port))
        speak(left, place(ok.body), right, place(out.body), seconds=LONG)
        over(a, b, invite, ok)
    (heard,) = finished()
    is_good(heard)
    journal = house.switch.record(invite)
    assert str(heard.row.call_id) == journal["id"]
    assert (heard.row.reason, heard.row.called_number) == ("setting", phone)
    assert journal["media"] == "relay"


@pytest.mark.req("recording-018", "recording-032")
@pytest.mark.parametrize(
    ("caller", "phone", "media"), [("plain", "4001", "direct"), ("gets", "4001", "direct"), ("some", "4001", "direct"),
                                   ("always", "4001", "relay")]
)  # fmt: skip
def test_a_call_that_nobody_wants_recorded_is_not(
    house: House, call: Callable[..., Any], caller: str, phone: str, media: str
) -> None:
    """By default none is, and only for a recording (or for `disablep2prtrouting`) media is led through the switch."""
    a, b, invite, out = call(caller, phone, body=offer())
    _, ok = answered(a, b, invite, out, offer(41000))
    over(a, b, invite, ok)
    assert house.switch.record(invite)["media"] == media
    nothing_recorded(house)


class SecureTalker(Talker):
    """Speaks SRTP."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.own = Srtp(key)

    def packet(self, payload: bytes, kind: int = 0, **options: Any) -> bytes:
        return self.own.protect(super().packet(payload, kind, **options))


def secured(who: Talker, key: str) -> bytes:
    """What a party describes that speaks SRTP with this key."""
    return offer(who.port, "127.0.0.1", "0", crypto(key)).replace(b"RTP/AVP", b"RTP/SAVP")


def crypto(key: str) -> str:
    return f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"


@pytest.mark.parametrize("caller", ["makes", "secret"])
def test_what_rtpengine_decrypts_is_recorded_as_well(
    house: House, office: None, daemon: Daemon, call: Callable[..., Any], caller: str
) -> None:
    """The called speaks SRTP; for one of them the caller too, and the policies would leave it as it is."""
    key, own = new_key(), new_key()
    left = SecureTalker(own) if caller == "secret" else Talker()
    right = SecureTalker(key)
    body = offer(left.port)
    if caller == "secret":
        body = secured(left, own)
    a, b, invite, out = call(caller, "4003", body=body)
    assert daemon.carries(place(out.body)[1])
    assert Sdp.parse(out.body).media[0].protocol == "RTP/SAVP"
    _, ok = answered(a, b, invite, out, secured(right, key))
    wait_for(lambda: daemon.said().count("Replying to 'subscribe answer'") % 2 == 0, 3, "both copies")
    a.within("INVITE", invite, ok, cseq=3, body=body)  # as a session timer would: the copies go on
    b.answer(b.asked("INVITE"), 200, body=secured(right, key))
    again = a.told(200, "INVITE")
    a.within("ACK", invite, ok, cseq=3)
    b.asked("ACK")
    assert place(again.body) == place(ok.body)
    speak(left, place(ok.body), right, place(out.body), seconds=LONG)
    over(a, b, invite, ok)
    left.close()
    right.close()
    (heard,) = finished()
    is_good(heard)
    assert house.switch.record(invite)["media"] == "rtpengine"


def test_two_calls_at_a_time_through_rtpengine_are_both_recorded(
    house: House, office: None, call: Callable[..., Any], daemon: Daemon
) -> None:
    calls = []
    for caller in ("makes", "secret"):
        left, right = Talker(), SecureTalker(key := new_key())
        a, b, invite, out = call(caller, "4003", body=offer(left.port))
        _, ok = answered(a, b, invite, out, secured(right, key))
        b.register("secret-4003", expires=0)
        calls.append((a, b, invite, ok, left, place(ok.body), right, place(out.body)))
    voices = [threading.Thread(target=speak, args=one[4:], kwargs={"seconds": LONG}) for one in calls]
    for voice in voices:
        voice.start()
    for voice in voices:
        voice.join()
    for a, b, invite, ok, left, _, right, _ in calls:
        over(a, b, invite, ok)
        left.close()
        right.close()
    for heard in finished(2):
        is_good(heard)


@pytest.mark.parametrize("phone", ["4001", "4003"], ids=["relay", "rtpengine"])
def test_a_party_begins_and_ends_a_recording_by_keys(
    house: House, office: None, call: Callable[..., Any], daemon: Daemon, phone: str
) -> None:
    key = new_key()
    left, right = Talker(), SecureTalker(key) if phone == "4003" else Talker()
    a, b, invite, out = call("keys", phone, body=offer(left.port))
    _, ok = answered(a, b, invite, out, secured(right, key) if phone == "4003" else offer(right.port))
    speak(left, place(ok.body), right, place(out.body), seconds=0.2)
    copies = daemon.said().count("Replying to 'subscribe answer'")
    for cseq, digit in enumerate("*3*", start=20):
        press(a, b, invite, ok, digit, cseq)
    if phone == "4003":
        wait_for(
            lambda: daemon.said().count("Replying to 'subscribe answer'") == copies + 2, 3, "both copies"
        )
    speak(left, place(ok.body), right, place(out.body), seconds=LONG)
    for cseq, digit in enumerate("*3*", start=30):
        press(a, b, invite, ok, digit, cseq)
    if phone == "4003":
        wait_for(lambda: "Replying to 'unsubscribe'" in daemon.said(), 3, "the end of the copies")
    speak(left, place(ok.body), right, place(out.body), seconds=0.2)
    over_later(a, b, invite, ok)
    left.close()
    right.close()
    (heard,) = finished()
    is_good(heard)
    assert (heard.row.reason, heard.row.asked_by, heard.row.number) == ("party", "keys", 1)


def press(a: Peer, b: Peer, invite: Any, ok: Any, digit: str, cseq: int) -> None:
    headers = (("Content-Type", "application/dtmf-relay"),)
    request = a.request(
        "INFO", ok.contact.uri_text, call_id=invite.call_id, to=ok.get("To"), from_=invite.get("From"), cseq=cseq,
        headers=headers,
    )  # fmt: skip
    request.body = f"Signal={digit}\r\nDuration=160\r\n".encode()
    a.send(request, ("127.0.0.1", ok.contact.uri.port))
    b.answer(b.asked("INFO"), 200)
    a.told(200, "INFO")


def over_later(a: Peer, b: Peer, invite: Any, ok: Any) -> None:
    a.within("BYE", invite, ok, cseq=99)
    b.answer(b.asked("BYE"), 200)
    a.told(200, "BYE")


def test_who_forwards_a_call_records_it_too(house: House, office: None, call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("plain", "4001", number="4004", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        speak(left, place(ok.body), right, place(out.body), seconds=LONG)
        over(a, b, invite, ok)
    (heard,) = finished()
    is_good(heard)


def test_a_recording_goes_on_when_the_called_transfers_the_caller(
    house: House, office: None, call: Callable[..., Any]
) -> None:
    third = Talker()
    c = Peer(house.switch.port, "4002")
    assert c.register("secret-4002").status == 200
    with talkers() as (left, right):
        a, b, invite, out = call("makes", "4001", body=offer(left.port))
        answer, ok = answered(a, b, invite, out, offer(right.port))
        refer = b.request(
            "REFER", out.contact.uri_text, call_id=out.call_id, to=out.get("From"), from_=answer.get("To"), cseq=1,
            headers=(("Refer-To", "<sip:4002@127.0.0.1>"),),
        )  # fmt: skip
        b.send(refer, ("127.0.0.1", out.contact.uri.port))
        b.told(202)
        taken_anew(a, left)
        asked = c.asked("INVITE")
        c.answer(asked, 200, body=offer(third.port))
        c.asked("ACK")
        again = taken_anew(a, left)
        b.answer(b.asked("BYE"), 200)
        speak(left, place(again.body), third, place(asked.body), seconds=LONG)
        a.within("BYE", invite, ok, cseq=9)
        c.answer(c.asked("BYE"), 200)
    c.register("secret-4002", expires=0)
    c.close()
    third.close()
    (heard,) = finished()
    low, high = heard.pitches()
    assert abs(low - LOW) < 20 and abs(high - HIGH) < 20 and heard.step() < 0.04
    assert heard.row.called_number == "4001"


def taken_anew(party: Peer, voice: Talker) -> Any:
    """A party gets a new description and takes it."""
    request = party.asked("INVITE")
    party.answer(request, 200, body=offer(voice.port))
    party.asked("ACK")
    return request


def test_both_parties_are_told_before_they_are_recorded(
    house: House, office: None, call: Callable[..., Any]
) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("tells", "4001", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        for who in (left, right):
            who.until(lambda who=who: len(who.payloads()) >= 3000, "the announcement")
            assert abs(loudest(from_ulaw(who.payloads())) - 700) < 20
            who.heard.clear()
        speak(left, place(ok.body), right, place(out.body), seconds=LONG)
        over(a, b, invite, ok)
    (heard,) = finished()
    is_good(heard)


def test_rtpengine_tells_the_parties_too(house: House, office: None, call: Callable[..., Any]) -> None:
    left, right = Talker(), SecureTalker(key := new_key())
    a, b, invite, out = call("tells", "4003", body=offer(left.port))
    _, ok = answered(a, b, invite, out, secured(right, key))
    for who, to in ((left, ok), (right, out)):
        who.say(place(to.body), tone(300, seconds=0.1))  # rtpengine learns where it is
    for who in (left, right):
        who.until(lambda who=who: len(who.heard) >= 15, "the announcement")
    assert abs(loudest(from_ulaw(left.payloads())) - 700) < 20
    wait_for(lambda: list((house.switch.var / FOLDER).glob("*.rtp")), 3, "the recording to begin")
    speak(left, place(ok.body), right, place(out.body), seconds=LONG)
    over(a, b, invite, ok)
    left.close()
    right.close()
    (heard,) = finished()
    low, high = heard.pitches()
    assert abs(low - LOW) < 20 and abs(high - HIGH) < 20


def test_what_cannot_be_announced_is_not_recorded(house: House, call: Callable[..., Any]) -> None:
    a, b, invite, out = call("tells-not", "4001", body=offer())
    _, ok = answered(a, b, invite, out, offer(41000))
    over(a, b, invite, ok)
    house.switch.record(invite)
    nothing_recorded(house)
    assert "is not recorded" in house.switch.log()


@pytest.fixture
def lonely(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    """A worker of its own, for what harms it; every call is recorded."""
    with tempfile.TemporaryDirectory() as folder:

        def change(office: Office) -> None:
            people(office)
            office.settings["record"] = "all"

        found = furnish(Path(folder), change=change)
        found.switch.start()
        yield found
        if found.switch.process is not None and found.switch.process.poll() is None:
            found.switch.process.kill()
            found.switch.process.wait()


@pytest.mark.req("recording-008")
def test_what_was_said_is_there_although_the_worker_is_killed(lonely: House, settings: Any) -> None:
    made: list[Peer] = []
    with talkers() as (left, right):
        a, b, invite, out = dialled(lonely, made, "plain", "4001", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        speak(left, place(ok.body), right, place(out.body), seconds=LONG + 0.5)
        assert lonely.switch.process is not None
        lonely.switch.process.kill()
        lonely.switch.process.wait()
    for peer in made:
        peer.close()
    with as_office(lonely.switch.var, settings):
        (heard,) = finished()
    low, high = heard.pitches()
    assert abs(low - LOW) < 20 and abs(high - HIGH) < 20
    assert len(heard.caller) >= 8000 * LONG


def test_a_folder_that_cannot_be_written_does_not_harm_the_call(
    house: House, call: Callable[..., Any]
) -> None:
    folder = house.switch.var / FOLDER
    aside = folder.with_name("aside")
    if folder.exists():
        folder.rename(aside)
    folder.write_text("somebody else's file")
    with talkers() as (left, right):
        a, b, invite, out = call("makes", "4001", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        speak(left, place(ok.body), right, place(out.body), seconds=0.6)
        assert len(right.payloads()) > 5000
        over(a, b, invite, ok)
    assert house.switch.record(invite)["cause"] == "normal"
    wait_for(lambda: "ends early" in house.switch.log(), 3, "the log to say why")
    folder.unlink()
    if aside.exists():
        aside.rename(folder)
