"""Which way the media of a call takes, with a real worker, real SIP and real sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from apps.config.registry import defaults
from switch.call.sound import Side, behind
from switch.sip.message import Request, Response
from switch.sip.sdp import Sdp
from switch.world.settings import Settings
from tests.audio import Talker, talk
from tests.support import free_ports
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House, opened
from tests.switch.worlds import Office

CALLERS: dict[str, dict[str, Any]] = {
    "bypass": {"routertpcaller": "bypass"},
    "correct": {"routertpcaller": "correct"},
    "both": {"routertpcaller": "both_nat"},
    "both-nat": {"routertpcaller": "both_nat", "natdetected": "yes"},
    "any": {"routertpcaller": "any_nat"},
    "peer": {"routertpcaller": "peer"},
    "always": {"routertpcaller": "always"},
    "early": {"blockearlymedia": "all"},
    "deaf": {"blockearlymedia": "audio"},
    "mute": {"blockearlymedia_in": True},
    "late": {"earlystart": False},
    "known": {"checkrtpaddr": "known"},
    "g729": {"choosecodecs": ["G729", "PCMA"]},
    "cut": {"cutg711": True},
    "no711": {"block711": True},
    "only": {"onlyg729": True},
    "order": {"codecorder": ["8"]},
    "unknown": {"sdpalhandling": "unknown"},
    "patient": {"rtpsendonlytorec": True, "enablertcp": False},
    "first": {"rtpwritefirst": True},
    "packets": {"ptime": 40},
    "public": {"allowlanpeers": "no"},
}
PHONES: dict[str, dict[str, Any]] = {
    "2001": {"routertpcalled": "correct"},
    "2002": {"routertpcalled": "correct", "natdetected": "yes"},
    "2003": {"routertpcalled": "always"},
    "2004": {"routertpcalled": "peer"},
}
ports: dict[str, int] = {}


def furnish(office: Office) -> None:
    """Callers by their source port, phones by their password; calls between them cost nothing."""
    first = free_ports(len(CALLERS))
    for place, (name, settings) in enumerate(CALLERS.items()):
        account = office.account(name, "customer_trunk")
        ports[name] = first + place
        office.address(account, "127.0.0.1", ports[name])
        office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
    for user, settings in PHONES.items():
        account = office.account(user)
        office.rows["credentials"].append(credential(user, f"secret-{user}", account))
        office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker, change=furnish) as found:
        yield found


@pytest.fixture
def call(house: House) -> Iterator[Callable[..., Any]]:
    """Begin a call: `caller, called, invite, as the called got it`."""
    made: list[Peer] = []

    def begin(caller: str, phone: str, **fields: Any) -> tuple[Peer, Peer, Request, Request]:
        a, b = Peer(house.switch.port, caller, port=ports[caller]), Peer(house.switch.port, phone)
        made.extend((a, b))
        assert b.register(f"secret-{phone}").status == 200
        invite = a.invite(phone, **fields)
        a.send(invite)
        return a, b, invite, b.asked("INVITE")

    yield begin
    for peer in made:
        if peer.user in PHONES:
            peer.register(f"secret-{peer.user}", expires=0)
        peer.close()


def offer(port: int = 40000, host: str = "127.0.0.1", formats: str = "0", *lines: str) -> bytes:
    text = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {formats}",
        *lines,
    ]
    return "\r\n".join(text).encode() + b"\r\n"


def place(body: bytes, number: int = 0) -> tuple[str, int]:
    media = Sdp.parse(body).media[number]
    return media.address, media.port


def answered(a: Peer, b: Peer, invite: Request, out: Request, body: bytes) -> tuple[Response, Response]:
    answer = b.answer(out, 200, body=body)
    ok = a.told(200)
    a.ack(invite, ok)
    b.asked("ACK")
    return answer, ok


def over(a: Peer, b: Peer, invite: Request, ok: Response) -> None:
    a.within("BYE", invite, ok, cseq=9)
    b.answer(b.asked("BYE"), 200)
    a.told(200, "BYE")


@contextmanager
def talkers() -> Iterator[tuple[Talker, Talker]]:
    a, b = Talker(), Talker()
    try:
        yield a, b
    finally:
        a.close()
        b.close()


@pytest.mark.req("media-049")
def test_bypass_passes_both_descriptions_byte_by_byte(house: House, call: Callable[..., Any]) -> None:
    odd = offer(40000, "10.9.8.7", "0 99", "a=x-strange: 1", "a=candidate:1 1 UDP 1 10.9.8.7 40000 typ host")
    a, b, invite, out = call("bypass", "2001", body=odd)
    assert out.body == odd
    _, ok = answered(a, b, invite, out, odd)
    assert ok.body == odd
    over(a, b, invite, ok)
    assert house.switch.record(invite)["media"] == "direct"


@pytest.mark.req("media-050", "nat-002")
def test_correction_names_a_reachable_address_and_leaves_ports_and_candidates(
    house: House, call: Callable[..., Any]
) -> None:
    candidate = "a=candidate:1 1 UDP 1 198.51.100.9 40000 typ host"
    a, b, invite, out = call("correct", "2001", body=offer(40000, "198.51.100.9", "0", candidate))
    assert place(out.body) == ("198.51.100.9", 40000)
    assert candidate.encode() in out.body
    _, ok = answered(a, b, invite, out, offer(41000))
    assert place(ok.body) == ("127.0.0.1", 41000)
    over(a, b, invite, ok)
    assert house.switch.record(invite)["media"] == "direct"


@pytest.mark.req("media-054", "media-045", "media-012", "media-017")
def test_a_routed_call_has_the_relay_in_both_descriptions_and_sound_both_ways(
    house: House, call: Callable[..., Any]
) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("always", "2001", body=offer(left.port))
        assert place(out.body)[1] != left.port
        _, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)
    kept = house.switch.record(invite)
    assert kept["media"] == "relay"
    for name, voice, body in (("caller", left, ok.body), ("called", right, out.body)):
        assert (kept["quality"][name]["address"], kept["quality"][name]["port"]) == (
            f"127.0.0.1:{voice.port}", place(body)[1],
        )  # fmt: skip


@pytest.mark.req("media-014", "media-015", "media-051", "media-053", "media-063")
@pytest.mark.parametrize(
    ("caller", "phone", "media"),
    [
        ("both", "2002", "direct"),
        ("both-nat", "2001", "direct"),
        ("any", "2001", "direct"),
        ("any", "2002", "relay"),
        ("peer", "2001", "direct"),
        ("peer", "2003", "relay"),
        ("bypass", "2003", "relay"),
        ("always", "2004", "relay"),
        ("bypass", "2004", "direct"),
    ],
)
def test_the_modes_of_both_accounts_and_where_they_are_decide_together(
    house: House, call: Callable[..., Any], caller: str, phone: str, media: str
) -> None:
    a, b, invite, out = call(caller, phone, body=offer(40000))
    assert (place(out.body)[1] == 40000) == (media == "direct")
    b.answer(out, 486)
    a.ack(invite, a.told(486))
    b.asked("ACK")
    assert house.switch.record(invite)["media"] == media


@pytest.mark.req("media-039", "media-065")
@pytest.mark.parametrize("caller", ["early", "late"])
def test_blocked_early_media_makes_the_callers_phone_ring_by_itself(
    call: Callable[..., Any], caller: str
) -> None:
    a, b, invite, out = call(caller, "2001", body=offer(40000))
    b.answer(out, 183, body=offer(41000))
    ringing = a.told(180)
    assert not ringing.body
    b.answer(out, 200)
    ok = a.told(200)
    assert place(ok.body)[1] not in {0, 41000}  # what was withheld, led over the relay
    a.ack(invite, ok)
    b.asked("ACK")
    over(a, b, invite, ok)


@pytest.mark.req("media-039")
@pytest.mark.parametrize(("caller", "silent"), [("deaf", "caller"), ("mute", "called")])
def test_the_relay_keeps_sound_back_until_the_answer(
    call: Callable[..., Any], caller: str, silent: str
) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call(caller, "2001", body=offer(left.port))
        b.answer(out, 183, body=offer(right.port))
        early = a.told(183)
        to_left, to_right = place(early.body), place(out.body)
        for _ in range(3):
            left.sock.sendto(left.packet(b"L" * 160), to_left)
            right.sock.sendto(right.packet(b"R" * 160), to_right)
        hears, deaf = (right, left) if silent == "caller" else (left, right)
        hears.until(lambda: len(hears.heard) >= 3, "early media of the other direction")
        deaf.listen(0.1)
        assert deaf.heard == []
        _, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, to_right)
        over(a, b, invite, ok)


@pytest.mark.req("media-038")
def test_a_known_source_is_asked_for_where_the_account_says_so(
    house: House, call: Callable[..., Any]
) -> None:
    with talkers() as (left, right):
        stranger = Talker("127.0.0.9")
        a, b, invite, out = call("known", "2001", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        stranger.sock.sendto(stranger.packet(b"S" * 160), place(ok.body))
        left.sock.sendto(left.packet(b"L" * 160), place(ok.body))
        right.until(lambda: len(right.heard) == 1, "the caller's packet")
        assert right.heard[0][12:] == b"L" * 160
        stranger.close()
        over(a, b, invite, ok)
    assert house.switch.record(invite)["quality"]["caller"]["strays"] == 1


MANY = ("0 8 18 101", "a=rtpmap:18 G729/8000", "a=rtpmap:101 telephone-event/8000")


@pytest.mark.req("codecs-004", "codecs-005", "codecs-006", "codecs-007", "codecs-014")
@pytest.mark.parametrize(
    ("caller", "formats"),
    [
        ("always", ["0", "8", "18", "101"]),
        ("g729", ["18", "101"]),
        ("cut", ["18", "101"]),
        ("no711", ["18", "101"]),
        ("only", ["18", "101"]),
        ("order", ["8", "0", "18", "101"]),
        ("bypass", ["0", "8", "18", "101"]),
    ],
)
def test_the_accounts_choice_of_codecs_is_what_the_called_is_offered(
    call: Callable[..., Any], caller: str, formats: list[str]
) -> None:
    a, b, invite, out = call(caller, "2001", body=offer(40000, "127.0.0.1", *MANY))
    assert Sdp.parse(out.body).media[0].formats == formats
    b.answer(out, 486)
    a.ack(invite, a.told(486))
    b.asked("ACK")


@pytest.mark.req("routing-085")
def test_an_offer_of_which_no_codec_may_be_used_is_refused(house: House) -> None:
    a, b = Peer(house.switch.port, "no711", port=ports["no711"]), Peer(house.switch.port, "2001")
    assert b.register("secret-2001").status == 200
    invite = a.invite("2001", body=offer(40000, "127.0.0.1", "0 8"))
    a.send(invite)
    a.ack(invite, a.told(488))
    b.silent()
    b.register("secret-2001", expires=0)
    a.close()
    b.close()


@pytest.mark.req("media-023")
@pytest.mark.parametrize("caller", ["always", "unknown"])
def test_attributes_that_tell_an_address_do_not_pass_the_relay(call: Callable[..., Any], caller: str) -> None:
    lines = [
        "a=candidate:1 1 UDP 1 10.0.0.9 40000 typ host", "a=rtcp:40001 IN IP4 10.0.0.9", "a=x-nat:10.0.0.9", "a=x-odd:1",
        "a=source-filter: incl IN IP4 * 10.0.0.9", "a=ptime:20",
    ]  # fmt: skip
    a, b, invite, out = call(caller, "2003", body=offer(40000, "127.0.0.1", "0", *lines))
    _, ok = answered(a, b, invite, out, offer(41000, "127.0.0.1", "0", *lines))
    # What the phone (whose account has the default) is told of the caller, and the caller of the phone.
    for body in (out.body, ok.body):
        assert b"10.0.0.9" not in body and b"a=ptime:20" in body
    assert (b"a=x-odd:1" in ok.body) == (caller == "always")
    over(a, b, invite, ok)


@pytest.mark.req("media-010", "media-025", "media-002", "codecs-003", "codecs-011")
def test_every_stream_is_relayed_video_and_unknown_codecs_too(call: Callable[..., Any]) -> None:
    talkers_ = [Talker() for _ in range(4)]
    (audio_a, video_a, audio_b, video_b) = talkers_

    def both(audio: Talker, video: Talker) -> bytes:
        return offer(
            audio.port, "127.0.0.1", "0", f"m=video {video.port} RTP/AVP 34 97", "a=rtpmap:97 X-NOBODY/90000",
            "m=message 2855 TCP/MSRP *",
        )  # fmt: skip

    a, b, invite, out = call("always", "2001", body=both(audio_a, video_a))
    assert [one.port > 0 for one in Sdp.parse(out.body).media] == [True, True, False]
    assert Sdp.parse(out.body).media[1].formats == ["34", "97"]
    _, ok = answered(a, b, invite, out, both(audio_b, video_b))
    talk(audio_a, place(ok.body), audio_b, place(out.body))
    talk(video_a, place(ok.body, 1), video_b, place(out.body, 1), kind=97)
    over(a, b, invite, ok)
    for one in talkers_:
        one.close()


@pytest.mark.req("media-011", "media-026")
def test_a_call_that_turns_to_fax_has_its_t38_relayed(call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("always", "2001", body=offer(left.port))
        answer, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, place(out.body))

        def fax(port: int) -> bytes:
            return (
                offer(port).replace(b"m=audio", b"m=image").replace(b"RTP/AVP 0", b"udptl t38")
                + b"a=T38FaxVersion:0\r\n"
            )

        ask = b.back("INVITE", out, answer, body=fax(right.port))
        inner = a.asked("INVITE")
        assert b"m=image" in inner.body and b"a=T38FaxVersion:0" in inner.body
        a.answer(inner, 200, body=fax(left.port))
        fine = b.told(200)
        b.back("ACK", out, answer, cseq=1)
        a.asked("ACK")
        assert ask.method == "INVITE"
        page = bytes([0, 1, 3, 6]) + b"\x55" * 60  # no RTP version
        left.heard.clear(), right.heard.clear()
        right.sock.sendto(page, place(fine.body))
        left.until(lambda: page in left.heard, "the called's fax")
        left.sock.sendto(page, place(inner.body))
        right.until(lambda: page in right.heard, "the caller's fax")
        over(a, b, invite, ok)


def test_a_late_offer_is_led_over_the_relay_too(call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("always", "2001", body=b"")
        assert not out.body
        b.answer(out, 200, body=offer(right.port))
        ok = a.told(200)
        a.ack(invite, ok, body=offer(left.port))
        ack = b.asked("ACK")
        talk(left, place(ok.body), right, place(ack.body))
        over(a, b, invite, ok)


def test_rtcp_is_relayed_beside_and_on_one_port(call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("always", "2001", body=offer(left.port, "127.0.0.1", "0", "a=rtcp-mux"))
        assert b"a=rtcp-mux" in out.body
        _, ok = answered(a, b, invite, out, offer(right.port, "127.0.0.1", "0", "a=rtcp-mux"))
        talk(left, place(ok.body), right, place(out.body))
        report = bytes([0x80, 201, 0, 1, 0, 0, 0, 7])
        right.heard.clear()
        left.sock.sendto(report, place(ok.body))
        right.until(lambda: report in right.heard, "the report on the RTP port")
        over(a, b, invite, ok)


@pytest.mark.req("nat-006")
def test_a_party_may_be_sent_nothing_before_it_spoke(call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("patient", "2003", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        for _ in range(3):
            right.sock.sendto(right.packet(b"R" * 160), place(out.body))
        left.listen(0.2)
        assert left.heard == []
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)


@pytest.mark.req("nat-006")
def test_a_party_may_be_sent_a_packet_that_opens_its_nat(call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("first", "2003", body=offer(left.port))
        _, ok = answered(a, b, invite, out, offer(right.port))
        left.until(lambda: len(left.heard) == 1, "the first packet")
        assert left.heard[0][1] == 13 and right.heard == []
        over(a, b, invite, ok)


@pytest.mark.req("media-070")
@pytest.mark.parametrize("caller", ["patient", "always"])
def test_rtcp_is_passed_on_unless_it_is_disabled(call: Callable[..., Any], caller: str) -> None:
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 7])
    with talkers() as (left, right), talkers() as (beside_left, beside_right):
        extra = [f"a=rtcp:{one.port}" for one in (beside_left, beside_right)]
        a, b, invite, out = call(caller, "2003", body=offer(left.port, "127.0.0.1", "0", extra[0]))
        _, ok = answered(a, b, invite, out, offer(right.port, "127.0.0.1", "0", extra[1]))
        talk(left, place(ok.body), right, place(out.body))
        beside_left.sock.sendto(report, ("127.0.0.1", place(ok.body)[1] + 1))
        beside_right.sock.sendto(report, ("127.0.0.1", place(out.body)[1] + 1))
        beside_right.listen(0.3)
        assert beside_right.heard == ([] if caller == "patient" else [report])
        over(a, b, invite, ok)


def test_a_name_in_a_description_is_never_waited_for(call: Callable[..., Any]) -> None:
    with talkers() as (left, right):
        a, b, invite, out = call("always", "2003", body=offer(left.port, "media.example.com"))
        _, ok = answered(a, b, invite, out, offer(right.port))
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)


@pytest.mark.req("media-066", "codecs-008", "codecs-009")
def test_an_account_is_asked_for_packets_of_its_length_whatever_the_other_party_says(
    call: Callable[..., Any],
) -> None:
    asks = ["a=ptime:20", "a=maxptime:30"]
    a, b, invite, out = call("packets", "2001", body=offer(40000, "127.0.0.1", "0", *asks))
    assert b"a=ptime:20" in out.body
    _, ok = answered(a, b, invite, out, offer(41000, "127.0.0.1", "0", *asks))
    assert b"a=ptime:40" in ok.body and b"a=ptime:20" not in ok.body and b"maxptime" not in ok.body
    over(a, b, invite, ok)


@pytest.mark.req("nat-019")
@pytest.mark.parametrize(("caller", "host"), [("always", "127.0.0.9"), ("public", "127.0.0.1")])
def test_media_goes_to_private_addresses_only_where_there_may_be_peers(
    call: Callable[..., Any], caller: str, host: str
) -> None:
    left = Talker(host)
    with talkers() as (_, right):
        a, b, invite, out = call(caller, "2001", body=offer(left.port, "127.0.0.9"))
        _, ok = answered(a, b, invite, out, offer(right.port))
        right.sock.sendto(right.packet(b"R" * 160), place(out.body))
        left.until(lambda: bool(left.heard), "the called's voice where the caller is believed to be")
        over(a, b, invite, ok)
    left.close()


EVERYTHING = {
    "0": "PCMU/8000", "3": "GSM/8000", "4": "G723/8000", "8": "PCMA/8000", "9": "G722/8000", "18": "G729/8000",
    "96": "speex/8000", "97": "speex/16000", "98": "speex/32000", "99": "opus/48000/2", "100": "iLBC/8000",
    "102": "G726-16/8000", "103": "G726-24/8000", "104": "G726-32/8000", "105": "G726-40/8000",
    "106": "X-NOBODY-KNOWS/8000", "101": "telephone-event/8000",
}  # fmt: skip


@pytest.mark.req("codecs-001", "codecs-002", "media-004")
@pytest.mark.parametrize("chosen", list(EVERYTHING)[:-1])
def test_every_codec_is_offered_as_its_media_type_and_passes_the_relay(
    house: House, call: Callable[..., Any], chosen: str
) -> None:
    lines = [f"a=rtpmap:{number} {name}" for number, name in EVERYTHING.items()]
    lines.append("a=fmtp:100 mode=20")
    with talkers() as (left, right):
        body = offer(left.port, "127.0.0.1", " ".join(EVERYTHING), *lines)
        a, b, invite, out = call("always", "2003", body=body)
        offered = Sdp.parse(out.body).media[0]
        assert offered.formats == list(EVERYTHING)
        assert {f"a=rtpmap:{one} {name}" for one, name in EVERYTHING.items()} <= set(offered.lines)
        assert "a=fmtp:100 mode=20" in offered.lines
        name = f"a=rtpmap:{chosen} {EVERYTHING[chosen]}"
        _, ok = answered(a, b, invite, out, offer(right.port, "127.0.0.1", chosen, name))
        assert name.encode() in ok.body
        left.sock.sendto(left.packet(b"L" * 50, int(chosen)), place(ok.body))
        right.until(lambda: bool(right.heard), "a frame of that codec")
        assert right.heard[0][1] & 0x7F == int(chosen) and right.heard[0][12:] == b"L" * 50
        over(a, b, invite, ok)
    assert house.switch.record(invite)["codec"] == EVERYTHING[chosen].partition("/")[0]


@pytest.mark.req("nat-004")
@pytest.mark.parametrize(
    ("known", "found"), [("no", (False, False)), ("auto", (False, True)), ("yes", (True, True))]
)
def test_whether_an_account_is_behind_a_nat_is_known_or_found_out(
    known: str, found: tuple[bool, bool]
) -> None:
    side = Side(Settings.of(defaults() | {"natdetected": known}), "198.51.100.7", phone=True)
    assert (behind(side, ["198.51.100.7"]), behind(side, ["10.0.0.5"])) == found
