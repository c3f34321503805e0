"""Calls through a real rtpengine: sound, SRTP, transcoding, nodes that die, and what it has counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switch.sip.sdp import Sdp
from tests.audio import FRAME, Talker, from_alaw, loudest, talk, tone
from tests.rtpengine import Daemon
from tests.srtp import Srtp, new_key
from tests.support import free_ports
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_media_ways import answered, offer, over, place, talkers
from tests.switch.worlds import Office

CALLERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "relay": {"media_engine": "relay"},
    "direct": {"routertpcaller": "bypass"},
    "need": {"srtp": "require"},
    "never": {"srtp": "off"},
    "whole": {"srtp": "end_to_end"},
}
PHONES: dict[str, dict[str, Any]] = {
    "3001": {},
    "3002": {"srtp": "offer"},
    "3003": {"srtp": "offer", "srtp_keys": "dtls"},
    "3004": {"srtp": "offer", "def_srtp_alg": "AES_CM_256_HMAC_SHA1_32", "srtp_auth": False},
    "3005": {"needcodeconversion": True, "choosecodecs": ["PCMA"], "routertpcalled": "bypass"},
    "3006": {"needcodeconversion": True, "convertcodecs": ["GSM", "G722"]},
    "3007": {"srtp": "off", "routertpcalled": "bypass"},
    "3008": {"srtp": "end_to_end", "routertpcalled": "bypass"},
    "3009": {"needcodeconversion": True, "convertcodecs": ["PCMA"], "record": "incoming"},
}
ports: dict[str, int] = {}


@pytest.fixture(scope="module")
def daemons() -> Iterator[list[Daemon]]:
    made = [Daemon(), Daemon()]
    yield made
    for one in made:
        one.stop()


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any, daemons: list[Daemon]) -> Iterator[House]:
    def change(office: Office) -> None:
        first = free_ports(len(CALLERS))
        for number, (name, settings) in enumerate(CALLERS.items()):
            account = office.account(name, "customer_trunk")
            ports[name] = first + number
            office.address(account, "127.0.0.1", ports[name])
            office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
        for user, settings in PHONES.items():
            account = office.account(user)
            office.rows["credentials"].append(credential(user, f"secret-{user}", account))
            office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
        office.settings["rtpengine_nodes"] = tuple(f"127.0.0.1:{one.port}" for one in daemons)

    with opened(django_db_blocker, change=change) as found:
        yield found


@pytest.fixture
def begin(house: House) -> Iterator[Callable[..., tuple[Peer, Peer, Any]]]:
    made: list[Peer] = []

    def call(caller: str, phone: str, **fields: Any) -> tuple[Peer, Peer, Any]:
        a, b = Peer(house.switch.port, caller, port=ports[caller]), Peer(house.switch.port, phone)
        made.extend((a, b))
        assert b.register(f"secret-{phone}").status == 200
        invite = a.invite(phone, **fields)
        a.send(invite)
        return a, b, invite

    yield call
    for peer in made:
        if peer.user in PHONES:
            peer.register(f"secret-{peer.user}", expires=0)
        peer.close()


def carrier_of(daemons: list[Daemon], port: int) -> Daemon:
    return next(one for one in daemons if one.carries(port))


@pytest.mark.req("media-013")
def test_sound_goes_both_ways_through_rtpengine_and_its_counters_into_the_record(
    house: House, daemons: list[Daemon], begin: Callable[..., Any]
) -> None:
    with talkers() as (left, right):
        a, b, invite = begin("plain", "3001", body=offer(left.port))
        out = b.asked("INVITE")
        assert carrier_of(daemons, place(out.body)[1])
        _, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)
    record = house.switch.record(invite)
    assert (record["media"], record["cause"]) == ("rtpengine", "normal")
    assert record["rtp"][0] >= 40 and record["rtp"][1] >= 40
    assert record["quality"]["caller"]["packets"] == record["rtp"][0]


def test_an_account_may_keep_to_the_workers_own_relay(
    house: House, daemons: list[Daemon], begin: Callable[..., Any]
) -> None:
    a, b, invite = begin("relay", "3001", body=offer(40000))
    out = b.asked("INVITE")
    assert not any(one.carries(place(out.body)[1]) for one in daemons)
    b.answer(out, 486)
    a.ack(invite, a.told(486))
    assert house.switch.record(invite)["media"] == "relay"


def test_a_late_offer_and_a_re_invite_go_through_rtpengine(
    begin: Callable[..., Any], daemons: list[Daemon]
) -> None:
    with talkers() as (left, right):
        a, b, invite = begin("plain", "3001", body=b"")
        out = b.asked("INVITE")
        assert not out.body
        answer = b.answer(out, 200, body=offer(right.port))
        ok = a.told(200)
        a.ack(invite, ok, body=offer(left.port))
        ack = b.asked("ACK")
        talk(left, place(ok.body), right, place(ack.body))
        held = b.back("INVITE", out, answer, body=offer(right.port, "127.0.0.1", "0", "a=sendonly"))
        asked = a.asked("INVITE")
        assert b"a=sendonly" in asked.body and carrier_of(daemons, place(asked.body)[1])
        a.answer(asked, 200, body=offer(left.port, "127.0.0.1", "0", "a=recvonly"))
        fine = b.told(200)
        assert b"a=recvonly" in fine.body
        b.back("ACK", out, answer)
        a.asked("ACK")
        assert held.method == "INVITE"
        over(a, b, invite, ok)


@pytest.mark.req("media-058", "media-059", "media-060", "media-061")
@pytest.mark.parametrize(
    ("phone", "profile", "marks"),
    [
        ("3002", "RTP/SAVP", [b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"]),
        ("3003", "UDP/TLS/RTP/SAVP", [b"a=fingerprint:", b"a=setup:"]),
        ("3004", "RTP/SAVP", [b"a=crypto:1 AES_256_CM_HMAC_SHA1_32 inline:", b"UNAUTHENTICATED_SRTP"]),
    ],
)
def test_srtp_is_offered_to_an_account_that_wants_it(
    begin: Callable[..., Any], phone: str, profile: str, marks: list[bytes]
) -> None:
    a, b, invite = begin("plain", phone, body=offer(40000))
    out = b.asked("INVITE")
    assert Sdp.parse(out.body).media[0].protocol == profile
    assert all(mark in out.body for mark in marks)
    assert out.body.count(b"a=crypto:") == (0 if "TLS" in profile else 1)
    b.answer(out, 486)
    a.ack(invite, a.told(486))


@pytest.mark.req("media-059")
@pytest.mark.parametrize(("caller", "phone"), [("need", "3001"), ("whole", "3001"), ("plain", "3008")])
def test_a_call_without_srtp_is_refused_where_a_policy_asks_for_it(
    begin: Callable[..., Any], caller: str, phone: str
) -> None:
    a, b, invite = begin(caller, phone, body=offer(40000))
    a.ack(invite, a.told(488))
    b.silent()


def secure(port: int) -> bytes:
    line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    return offer(port, "127.0.0.1", "0", line).replace(b"RTP/AVP", b"RTP/SAVP")


@pytest.mark.req("media-059")
@pytest.mark.parametrize(
    ("caller", "phone", "profile", "media"),
    [
        ("plain", "3001", "RTP/SAVP", "rtpengine"),  # used because it is offered
        (
            "plain",
            "3007",
            "RTP/AVP",
            "rtpengine",
        ),  # decoded, although the account would have its media direct
        ("need", "3001", "RTP/SAVP", "rtpengine"),
        ("direct", "3008", "RTP/SAVP", "direct"),  # end to end, as it is
    ],
)
def test_an_srtp_offer_is_used_decoded_or_left(
    house: House, begin: Callable[..., Any], caller: str, phone: str, profile: str, media: str
) -> None:
    a, b, invite = begin(caller, phone, body=secure(40000))
    out = b.asked("INVITE")
    assert Sdp.parse(out.body).media[0].protocol == profile
    assert (b"a=crypto:" in out.body) == (profile == "RTP/SAVP")
    b.answer(out, 486)
    a.ack(invite, a.told(486))
    assert house.switch.record(invite)["media"] == media


class SecureTalker(Talker):
    """Speaks and hears SRTP with a key for each direction."""

    def __init__(self, own: str) -> None:
        super().__init__()
        self.own, self.peer = Srtp(own), None

    def packet(self, payload: bytes, kind: int = 0, **options: Any) -> bytes:
        return self.own.protect(super().packet(payload, kind, **options))

    def payloads(self, kind: int = 0) -> bytes:
        assert self.peer is not None
        found = [self.peer.unprotect(one) for one in self.heard if not 64 <= one[1] & 0x7F <= 95]
        return b"".join(one[12:] for one in found if one[1] & 0x7F == kind)


def key_in(body: bytes) -> str:
    found = re.search(rb"a=crypto:\d+ AES_CM_128_HMAC_SHA1_80 inline:([^\r\n|]+)", body)
    assert found is not None, body
    return found.group(1).decode()


def with_key(port: int, key: str) -> bytes:
    line = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"
    return offer(port, "127.0.0.1", "0", line).replace(b"RTP/AVP", b"RTP/SAVP")


@pytest.mark.req("media-058", "media-059", "media-061")
@pytest.mark.parametrize("secure_side", ["caller", "called"])
def test_srtp_of_one_party_is_plain_sound_for_the_other(begin: Callable[..., Any], secure_side: str) -> None:
    key = new_key()
    secret, plain = SecureTalker(key), Talker()
    if secure_side == "caller":
        a, b, invite = begin("plain", "3007", body=with_key(secret.port, key))
        out = b.asked("INVITE")
        _, ok = answered(a, b, invite, out, offer(plain.port))
        secret.peer = Srtp(key_in(ok.body))
        talk(secret, place(ok.body), plain, place(out.body))
    else:
        a, b, invite = begin("plain", "3002", body=offer(plain.port))
        out = b.asked("INVITE")
        secret.peer = Srtp(key_in(out.body))
        _, ok = answered(a, b, invite, out, with_key(secret.port, key))
        talk(plain, place(ok.body), secret, place(out.body))
    over(a, b, invite, ok)
    secret.close()
    plain.close()


@pytest.mark.req("media-059")
def test_srtp_of_an_account_that_may_not_is_refused(begin: Callable[..., Any]) -> None:
    a, b, invite = begin("never", "3001", body=secure(40000))
    a.ack(invite, a.told(488))
    b.silent()


@pytest.mark.req("codecs-015", "codecs-010", "codecs-016", "media-043")
def test_codecs_are_converted_for_an_account_that_has_another(
    begin: Callable[..., Any], house: House
) -> None:
    with talkers() as (left, right):
        a, b, invite = begin("direct", "3005", body=offer(left.port, "127.0.0.1", "0"))
        out = b.asked("INVITE")
        assert Sdp.parse(out.body).media[0].formats == ["8"]
        _, ok = answered(a, b, invite, out, offer(right.port, "127.0.0.1", "8"))
        assert Sdp.parse(ok.body).media[0].formats[0] == "0"
        to_left, to_right = place(ok.body), place(out.body)
        silence = tone(0, seconds=0.1)
        for _ in range(2):
            left.say(to_left, tone(440, seconds=0.6), pace=0.02)
            right.say(to_right, silence, kind=8)
        right.until(lambda: len(right.payloads(8)) >= 20 * FRAME, "A-law of what was mu-law")
        assert abs(loudest(from_alaw(right.payloads(8))) - 440) < 20
        over(a, b, invite, ok)
    assert house.switch.record(invite)["media"] == "rtpengine"


@pytest.mark.req("codecs-016")
def test_the_codecs_that_may_be_converted_to_are_offered_behind_those_of_the_caller(
    begin: Callable[..., Any],
) -> None:
    a, b, invite = begin("plain", "3006", body=offer(40000, "127.0.0.1", "0"))
    assert Sdp.parse(b.asked("INVITE").body).media[0].formats == ["0", "3", "9"]
    a.cancel(invite)
    a.ack(invite, a.told(487))


def test_t38_passes_rtpengine(begin: Callable[..., Any]) -> None:
    with talkers() as (left, right):

        def fax(port: int) -> bytes:
            return (
                offer(port).replace(b"m=audio", b"m=image").replace(b"RTP/AVP 0", b"udptl t38")
                + b"a=T38FaxVersion:0\r\n"
            )

        a, b, invite = begin("plain", "3001", body=fax(left.port))
        out = b.asked("INVITE")
        assert b"udptl t38" in out.body
        _, ok = answered(a, b, invite, out, fax(right.port))
        page = bytes([0, 1, 3, 6]) + b"\x55" * 60
        right.sock.sendto(page, place(out.body))
        left.until(lambda: page in left.heard, "the called's fax")
        left.sock.sendto(page, place(ok.body))
        right.until(lambda: page in right.heard, "the caller's fax")
        over(a, b, invite, ok)
