"""DTMF between two parties that speak it differently, through a real worker."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switch.media import events, g711, tones
from switch.sip.codecs import telephone_event
from switch.sip.sdp import Sdp
from tests.audio import Talker, talk
from tests.support import free_ports
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_media_ways import answered, offer, over, place, talkers
from tests.switch.worlds import Office

CALLERS: dict[str, dict[str, Any]] = {"caller": {"routertpcaller": "bypass"}}
PHONES: dict[str, dict[str, Any]] = {
    "4000": {"routertpcalled": "bypass"},
    "4001": {"routertpcalled": "bypass", "convertdtmf": "inband"},
    "4002": {"routertpcalled": "bypass", "convertdtmf": "rfc4733", "defdtmfpayload": 110, "maxdtmfdigit": 15},
    "4003": {"routertpcalled": "bypass", "convertdtmf": "info"},
    "4004": {"routertpcalled": "bypass", "convertdtmf": "no_info"},
    "4005": {"routertpcalled": "bypass", "convertdtmf": "also_inband"},
}
EVENTS = ("0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16")
ports: dict[str, int] = {}


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    def change(office: Office) -> None:
        account = office.account("caller", "customer_trunk")
        ports["caller"] = free_ports(1)
        office.address(account, "127.0.0.1", ports["caller"])
        office.rows["overrides"] += [[account, key, value] for key, value in CALLERS["caller"].items()]
        for user, settings in PHONES.items():
            account = office.account(user)
            office.rows["credentials"].append(credential(user, f"secret-{user}", account))
            office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]

    with opened(django_db_blocker, change=change) as found:
        yield found


class Up:
    """A call that is up, with both voices heard by the other."""

    def __init__(self, house: House, phone: str, left: Talker, right: Talker, mine: Any, theirs: Any) -> None:
        self.a, self.b = (
            Peer(house.switch.port, "caller", port=ports["caller"]),
            Peer(house.switch.port, phone),
        )
        assert self.b.register(f"secret-{phone}").status == 200
        self.left, self.right = left, right
        self.invite = self.a.invite(phone, body=offer(left.port, "127.0.0.1", *mine))
        self.a.send(self.invite)
        self.out = self.b.asked("INVITE")
        self.answer, self.ok = answered(
            self.a, self.b, self.invite, self.out, offer(right.port, "127.0.0.1", *theirs)
        )
        self.to_left, self.to_right = place(self.ok.body), place(self.out.body)

    def press(self, digit: str) -> None:
        """As a phone sends an RTP event."""
        stamp = self.left.timestamp
        for number in range(8):
            body = events.write(digit, min(number + 1, 6) * 160, end=number >= 6)
            self.left.timestamp = stamp
            self.left.sock.sendto(self.left.packet(body, 101, marker=number == 0), self.to_left)
            time.sleep(0.005)
        self.left.timestamp = stamp + 960

    def close(self) -> None:
        over(self.a, self.b, self.invite, self.ok)
        self.b.register(f"secret-{self.b.user}", expires=0)
        self.a.close()
        self.b.close()


@pytest.fixture
def up(house: House) -> Iterator[Callable[..., Up]]:
    made: list[Up] = []
    with talkers() as (left, right):

        def begin(phone: str, mine: Any = EVENTS, theirs: Any = EVENTS) -> Up:
            made.append(Up(house, phone, left, right, mine, theirs))
            return made[-1]

        yield begin
        for one in made:
            one.close()


def send_info(call: Up, body: bytes, kind: str = "application/dtmf-relay", cseq: int = 2) -> None:
    """An INFO of the caller with a digit."""
    contact = call.ok.contact
    assert contact is not None
    request = call.a.request(
        "INFO",
        contact.uri_text,
        call_id=call.invite.call_id,
        to=call.ok.get("To") or "",
        from_=call.invite.get("From") or "",
        cseq=cseq,
        headers=(("Content-Type", kind),),
    )
    request.body = body
    host, _, port = contact.uri_text.rpartition("@")[2].partition(";")[0].partition(":")
    call.a.send(request, (host, int(port)))


def sound_of(talker: Talker) -> str:
    return tones.Detector().feed(array("h", g711.decode(talker.payloads(0), 0)))


@pytest.mark.req("media-019", "media-009", "sip-042", "media-043")
@pytest.mark.parametrize("phone", ["4001", "4005"])
def test_events_and_info_become_sound_although_both_accounts_would_have_their_media_direct(
    up: Callable[..., Up], phone: str
) -> None:
    call = up(phone)
    told = telephone_event(Sdp.parse(call.out.body).media[0])
    assert (told is None) == (phone == "4001")
    assert telephone_event(Sdp.parse(call.ok.body).media[0]) == 101  # the caller may send events in any case
    call.press("7")
    call.right.until(lambda: sound_of(call.right) == "7", "the digit's sound")
    assert bool(call.right.payloads(101)) == (phone == "4005")
    call.left.say(call.to_left, g711_silence(), pace=0.001)
    send_info(call, b"Signal=#\r\nDuration=100\r\n")
    if phone == "4005":
        call.b.answer(call.b.asked("INFO"), 200)
    call.a.told(200, "INFO")
    call.right.until(lambda: sound_of(call.right) == "7#", "the sound of the digit that came by INFO")


def g711_silence() -> Any:
    import numpy as np

    return np.zeros(1600, dtype=np.int16)


@pytest.mark.req("sip-041", "sip-044", "sip-045")
@pytest.mark.parametrize(
    ("kind", "body"),
    [("application/dtmf-relay", b"Signal= 5\r\nDuration= 160\r\n"), ("application/dtmf", b"5")],
)
def test_info_becomes_events_that_were_offered_for_it(up: Callable[..., Up], kind: str, body: bytes) -> None:
    call = up("4002", ("0",), ("0 110", "a=rtpmap:110 telephone-event/8000"))
    audio = Sdp.parse(call.out.body).media[0]
    assert telephone_event(audio) == 110 and "a=fmtp:110 0-15" in audio.lines
    assert Sdp.parse(call.ok.body).media[0].formats == ["0"]
    talk(call.left, call.to_left, call.right, call.to_right)
    send_info(call, body, kind)
    call.a.told(200, "INFO")
    call.right.until(lambda: len(call.right.payloads(110)) >= 32, "eight packets of the event")
    first = next(one for one in call.right.heard if one[1] & 0x7F == 110)
    assert events.read(first[12:]) == events.Event("5", 160, False)
    call.b.silent(0.2)


@pytest.mark.req("sip-041")
def test_sound_becomes_events_where_the_caller_has_none(up: Callable[..., Up]) -> None:
    import numpy as np

    call = up("4002", ("0",), ("0 110", "a=rtpmap:110 telephone-event/8000"))
    call.left.say(call.to_left, np.array(tones.samples("9", 1600), dtype=np.int16), pace=0.005)
    call.right.until(lambda: bool(call.right.payloads(110)), "the event")
    first = next(one for one in call.right.heard if one[1] & 0x7F == 110)
    assert events.read(first[12:]) == events.Event("9", 160, False)


@pytest.mark.req("media-009", "sip-041")
def test_events_become_info(up: Callable[..., Up]) -> None:
    call = up("4003")
    call.press("*")
    request = call.b.asked("INFO")
    assert (request.content_type, request.body) == ("application/dtmf-relay", b"Signal=*\r\nDuration=120\r\n")
    call.b.answer(request, 200)
    call.right.listen(0.1)
    assert not call.right.payloads(101)


@pytest.mark.req("media-019")
def test_info_may_be_kept_from_an_account(up: Callable[..., Up]) -> None:
    call = up("4004")
    send_info(call, b"Signal=1\r\n")
    call.a.told(200, "INFO")
    call.b.silent(0.3)


@pytest.mark.req("media-019", "sip-041")
def test_unless_an_account_says_otherwise_info_goes_on_as_it_came(up: Callable[..., Up]) -> None:
    call = up("4000")
    send_info(call, b"Signal=1\r\nDuration=90\r\n")
    request = call.b.asked("INFO")
    assert request.body == b"Signal=1\r\nDuration=90\r\n"
    call.b.answer(request, 200)
    call.a.told(200, "INFO")


def test_an_info_that_brings_no_digit_goes_on(up: Callable[..., Up]) -> None:
    call = up("4001")
    send_info(call, b"Signal=nothing\r\n")
    request = call.b.asked("INFO")
    call.b.answer(request, 415)
    call.a.told(415, "INFO")
