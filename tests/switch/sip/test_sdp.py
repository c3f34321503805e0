"""Session descriptions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.sip.sdp import INACTIVE, RECVONLY, SENDONLY, SENDRECV, BadSdp, RtpMap, Sdp, answer_direction

OFFER = (
    b"v=0\r\no=alice 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=ice-lite\r\n"
    b"m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    b"a=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp:4055 IN IP4 10.0.0.1\r\na=candidate:1 1 UDP 1 10.0.0.1 4000 typ host\r\na=sendrecv\r\n"
    b"m=video 4002/2 RTP/AVP 96\r\nc=IN IP6 2001:db8::1\r\nb=AS:500\r\na=rtpmap:96 H264/90000\r\na=x-unknown:yes\r\n"
)


def with_audio(*lines: str, connection: str = "IN IP4 192.0.2.1") -> Sdp:
    text = [
        "v=0",
        "o=- 1 1 IN IP4 192.0.2.1",
        "s=-",
        f"c={connection}",
        "t=0 0",
        "m=audio 4000 RTP/AVP 0",
        *lines,
    ]
    return Sdp.parse("\r\n".join(text).encode() + b"\r\n")


@pytest.mark.req("sip-004")
def test_the_streams_are_shown():
    audio, video = Sdp.parse(OFFER).media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == (
        "audio",
        4000,
        "RTP/AVP",
        ["8", "0", "101"],
    )
    assert (audio.address, audio.rtcp_port, audio.direction) == ("10.0.0.1", 4055, SENDRECV)
    assert audio.rtpmaps[101] == RtpMap(101, "telephone-event", 8000)
    assert (video.address, video.port, video.rtcp_port) == ("2001:db8::1", 4002, 4003)


@pytest.mark.req("sip-004")
def test_what_is_not_understood_comes_back_as_it_was():
    assert Sdp.parse(OFFER).encode() == OFFER


def test_bare_line_feeds_are_read_and_written_as_the_rfc_wants():
    assert Sdp.parse(OFFER.replace(b"\r\n", b"\n")).encode() == OFFER


def test_a_relay_takes_the_place_of_every_address_and_port():
    sdp = Sdp.parse(OFFER)
    sdp.relay("192.0.2.9", [20000, 20002])
    text = sdp.encode().decode()
    assert "10.0.0.1" not in text
    assert "2001:db8" not in text
    assert "o=alice 1 1 IN IP4 192.0.2.9\r\n" in text
    assert "m=audio 20000 RTP/AVP 8 0 101\r\n" in text
    assert "a=rtcp:20001\r\n" in text
    assert "m=video 20002 RTP/AVP 96\r\nc=IN IP4 192.0.2.9\r\n" in text
    assert "candidate" not in text
    assert "ice-" not in text
    assert "a=x-unknown:yes\r\n" in text
    assert Sdp.parse(sdp.encode()).encode() == sdp.encode()


def test_a_relay_with_an_ipv6_address_says_so():
    sdp = with_audio()
    sdp.relay("2001:db8::9", [20000])
    assert b"c=IN IP6 2001:db8::9\r\n" in sdp.encode()


def test_a_refused_stream_stays_refused_behind_a_relay():
    sdp = Sdp.parse(OFFER.replace(b"m=video 4002/2", b"m=video 0"))
    sdp.relay("192.0.2.9", [20000, 20002])
    assert sdp.media[1].port == 0


@pytest.mark.parametrize(
    ("lines", "connection", "held"),
    [
        ((), "IN IP4 192.0.2.1", False),
        (("a=sendrecv",), "IN IP4 192.0.2.1", False),
        (("a=recvonly",), "IN IP4 192.0.2.1", False),
        (("a=sendonly",), "IN IP4 192.0.2.1", True),
        (("a=inactive",), "IN IP4 192.0.2.1", True),
        ((), "IN IP4 0.0.0.0", True),
    ],
)
def test_hold_is_seen_in_all_its_spellings(lines, connection, held):
    sdp = with_audio(*lines, connection=connection)
    assert sdp.held is held
    sdp.relay("192.0.2.9", [20000])
    assert sdp.held is held


def test_a_direction_of_the_session_holds_for_its_streams_until_they_say_otherwise():
    sdp = Sdp.parse(OFFER.replace(b"t=0 0", b"t=0 0\r\na=sendonly"))
    assert [m.direction for m in sdp.media] == [SENDRECV, SENDONLY]
    sdp.media[0].set_direction(INACTIVE)
    assert sdp.media[0].lines.count("a=inactive") == 1
    assert "a=sendrecv" not in sdp.media[0].lines


@pytest.mark.req("sip-005")
@pytest.mark.parametrize(
    ("offered", "wanted", "answer"),
    [
        (SENDRECV, SENDRECV, SENDRECV), (SENDRECV, SENDONLY, SENDONLY), (SENDRECV, RECVONLY, RECVONLY), (SENDRECV, INACTIVE, INACTIVE),
        (SENDONLY, SENDRECV, RECVONLY), (SENDONLY, SENDONLY, INACTIVE), (SENDONLY, RECVONLY, RECVONLY),
        (RECVONLY, SENDRECV, SENDONLY), (RECVONLY, RECVONLY, INACTIVE), (INACTIVE, SENDRECV, INACTIVE),
    ],
)  # fmt: skip
def test_the_direction_of_an_answer_follows_the_offer(offered, wanted, answer):
    assert answer_direction(offered, wanted) == answer


def test_formats_can_be_narrowed_with_their_attributes():
    audio = Sdp.parse(OFFER).media[0]
    audio.set_formats(["8"])
    assert audio.lines[0] == "m=audio 4000 RTP/AVP 8"
    assert list(audio.rtpmaps) == [8]
    assert "a=fmtp:101 0-16" not in audio.lines
    assert "a=ptime:20" in audio.lines


def test_multiplexed_rtcp_shares_the_port():
    assert with_audio("a=rtcp-mux").media[0].rtcp_port == 4000


def test_our_own_origin_can_stand_in_for_the_far_one():
    sdp = with_audio()
    sdp.set_origin("mizu", 7, 2, "192.0.2.9")
    assert b"o=mizu 7 2 IN IP4 192.0.2.9\r\n" in sdp.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"hello", b"v=1\r\n", b"v=0\r\nnonsense\r\n", b"v=0\r\n\r\ns=-\r\n", b"v=0\r\nm=audio\r\n", b"v=0\r\nm=audio x RTP/AVP 0\r\n",
        b"v=0\r\nm=audio 70000 RTP/AVP 0\r\n", b"v=0\r\nm=audio -1 RTP/AVP 0\r\n", b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4\r\nm=audio 4000 RTP/AVP 0\r\n", b"v=0\r\nc=IN IP4 a b\r\nm=audio 1 RTP/AVP 0\r\n",
        b"v=0\r\nc=IN IP4 1.1.1.1\r\nm=audio 1 RTP/AVP 0\r\na=rtpmap:x PCMU/8000\r\n",
        b"v=0\r\ns=a\x00b\r\n", b"v=0\r\ns=a\rb\r\n", b"v=0\r\n" + b"m=audio 0 RTP/AVP 0\r\n" * 33, b"v=0\r\n" + b"a=x\r\n" * 3000,
        b"v=0\r\na=" + b"x" * 70_000,
    ],
)  # fmt: skip
def test_hostile_bodies_are_refused(body):
    with pytest.raises(BadSdp):
        Sdp.parse(body)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(OFFER)), st.integers(0, 5), st.binary(max_size=5)), max_size=5))
def test_a_damaged_body_is_refused_or_can_be_used_and_reads_back_as_itself(damages):
    data = bytearray(OFFER)
    for place, length, replacement in damages:
        data[place : place + length] = replacement
    try:
        sdp = Sdp.parse(bytes(data))
    except BadSdp:
        return
    again = Sdp.parse(sdp.encode())
    assert again.encode() == sdp.encode()
    running = [m for m in sdp.media if m.port]
    assert all((m.kind, m.formats, m.address, m.direction, m.rtcp_port) for m in running)
    sdp.relay("192.0.2.9", [20000 + 2 * i for i in range(len(sdp.media))])
    assert [m.port for m in Sdp.parse(sdp.encode()).media if m.port] == [m.port for m in sdp.media if m.port]
