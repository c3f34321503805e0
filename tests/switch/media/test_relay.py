"""Two parties and the relay between them, on real sockets."""

from __future__ import annotations

import gc
import os
import socket

import pytest
from twisted.logger import capturedLogs

from switch.media import PortsExhausted, Session, Silence
from tests.switch.loop import Loop
from tests.switch.media.conftest import Clock, Open, Party, nothing, rtcp, rtp


def talking(loop: Loop, relay_session: Session, host: str = "127.0.0.1") -> tuple[Party, Party]:
    """Caller and called, both announced and both learned."""
    caller, called = Party(loop, host), Party(loop, host)
    caller.announce(relay_session.caller)
    called.announce(relay_session.called)
    caller.rtp.sendto(rtp(1), relay_session.caller.local)
    assert loop.receive(called.rtp) == rtp(1)
    called.rtp.sendto(rtp(1), relay_session.called.local)
    assert loop.receive(caller.rtp) == rtp(1)
    return caller, called


def beside(local: tuple[str, int]) -> tuple[str, int]:
    return local[0], local[1] + 1


@pytest.mark.req("media-012", "media-001")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_media_flows_in_both_directions_unchanged(loop: Loop, make_relay: Open, host: str) -> None:
    session = make_relay(host=host).open("call")
    caller, called = talking(loop, session, host)
    for number in range(2, 30):
        caller.rtp.sendto(rtp(number), session.caller.local)
        called.rtp.sendto(rtp(number, ssrc=8), session.called.local)
        assert loop.receive(called.rtp) == rtp(number)
        assert loop.receive(caller.rtp) == rtp(number, ssrc=8)
    report = session.caller.report()
    assert (report.packets, report.octets, report.lost, report.strays) == (29, 29 * 172, 0, 0)
    assert report.payload_type == 0
    assert session.called.report().ssrc_changes == 1


def test_rtcp_takes_the_odd_ports(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller, called = talking(loop, session)
    caller.rtcp.sendto(rtcp(), beside(session.caller.local))
    assert loop.receive(called.rtcp) == rtcp()
    called.rtcp.sendto(rtcp(8), beside(session.called.local))
    assert loop.receive(caller.rtcp) == rtcp(8)
    assert session.caller.report().rtcp_packets == 1
    assert session.caller.report().packets == 1


def test_ipv4_on_one_side_meets_ipv6_on_the_other(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call", hosts=(None, "::1"))
    caller, called = Party(loop), Party(loop, "::1")
    caller.announce(session.caller)
    called.announce(session.called)
    caller.rtp.sendto(rtp(1), session.caller.local)
    assert loop.receive(called.rtp) == rtp(1)


@pytest.mark.req("media-038")
def test_a_stray_source_is_counted_and_not_relayed(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller, called = talking(loop, session)
    stranger = loop.udp("127.0.0.9")
    stranger.sendto(rtp(2, body=b"injected"), session.caller.local)
    loop.until(lambda: session.caller.report().strays == 1, "the stray to be counted")
    assert nothing(loop, called.rtp)
    assert session.caller.remote == caller.address
    assert session.caller.report().packets == 1


def test_a_phone_behind_nat_is_learned_from_its_packets_and_answered_there(
    loop: Loop, make_relay: Open
) -> None:
    session = make_relay().open("call")
    phone, carrier = loop.udp("127.0.0.2"), Party(loop)
    session.caller.expect("10.9.9.9", 4000, signalling="127.0.0.2")
    carrier.announce(session.called)
    phone.sendto(rtp(1), session.caller.local)
    assert loop.receive(carrier.rtp) == rtp(1)
    carrier.rtp.sendto(rtp(5), session.called.local)
    assert loop.receive(phone) == rtp(5)
    assert session.caller.remote == phone.getsockname()


def test_media_before_the_party_has_spoken_goes_to_its_sdp(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller, called = Party(loop), Party(loop)
    caller.announce(session.caller)
    called.announce(session.called)
    called.rtp.sendto(rtp(1), session.called.local)
    assert loop.receive(caller.rtp) == rtp(1)


def test_media_without_an_address_to_go_to_is_counted(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller = Party(loop)
    caller.announce(session.caller)
    caller.rtp.sendto(rtp(1), session.caller.local)
    loop.until(lambda: session.caller.report().unsent == 1, "the count")


def test_a_re_invite_with_a_new_port_moves_the_media(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    _, called = talking(loop, session)
    moved = Party(loop)
    moved.announce(session.caller)
    called.rtp.sendto(rtp(2), session.called.local)
    assert loop.receive(moved.rtp) == rtp(2)
    moved.rtp.sendto(rtp(9), session.caller.local)
    assert loop.receive(called.rtp) == rtp(9)
    assert session.caller.remote == moved.address


@pytest.mark.parametrize("sdp", [(None, 0), ("0.0.0.0", 4000), ("127.0.0.1", 0)])
def test_a_held_party_gets_nothing_and_gets_media_again_after(
    loop: Loop, make_relay: Open, sdp: tuple[str | None, int]
) -> None:
    session = make_relay().open("call")
    caller, called = talking(loop, session)
    session.caller.expect(*sdp)
    called.rtp.sendto(rtp(2), session.called.local)
    loop.until(lambda: session.called.report().unsent == 1, "the packet for the held one")
    assert nothing(loop, caller.rtp)
    caller.announce(session.caller)
    called.rtp.sendto(rtp(3), session.called.local)
    assert loop.receive(caller.rtp) == rtp(3)


def test_fax_over_udptl_passes_from_the_signalled_address(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller, called = Party(loop), Party(loop)
    caller.announce(session.caller)
    called.announce(session.called)
    caller.rtp.sendto(b"\x00\x01\x06udptl", session.caller.local)
    assert loop.receive(called.rtp) == b"\x00\x01\x06udptl"
    assert session.caller.report().payload_type is None


def test_garbage_of_a_nat_address_is_not_learned(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    called, scanner = Party(loop), loop.udp("127.0.0.2")
    session.caller.expect("10.9.9.9", 4000, signalling="127.0.0.2")
    called.announce(session.called)
    for junk in (b"", b"x", b"OPTIONS sip:1 SIP/2.0", b"\x80short"):
        scanner.sendto(junk, session.caller.local)
    loop.until(lambda: session.caller.report().strays == 4, "the strays")
    assert session.caller.remote is None


def test_a_tap_hears_what_is_relayed_until_it_is_detached(loop: Loop, make_relay: Open, clock: Clock) -> None:
    session = make_relay().open("call")
    caller, called = talking(loop, session)
    heard: list[tuple[bytes, float]] = []

    def tap(packet: bytes, now: float) -> None:
        heard.append((packet, now))

    session.caller.attach(tap)
    caller.rtp.sendto(rtp(2), session.caller.local)
    loop.receive(called.rtp)
    session.caller.detach(tap)
    caller.rtp.sendto(rtp(3), session.caller.local)
    loop.receive(called.rtp)
    assert heard == [(rtp(2), clock.now)]


def test_a_tap_that_raises_does_not_end_the_media(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller, called = talking(loop, session)

    def broken(packet: bytes, now: float) -> None:
        raise RuntimeError("a defect in a recorder")

    session.caller.attach(broken)
    for number in (2, 3):
        caller.rtp.sendto(rtp(number), session.caller.local)
        assert loop.receive(called.rtp) == rtp(number)


def test_a_player_can_speak_to_a_party_and_a_third_endpoint_can_be_fed(loop: Loop, make_relay: Open) -> None:
    session = make_relay().open("call")
    caller, called = talking(loop, session)
    assert session.caller.send(rtp(1, ssrc=99))
    assert loop.receive(caller.rtp) == rtp(1, ssrc=99)
    listener, third = Party(loop), session.add()
    assert not third.send(rtp(1)), "it has no address yet"
    listener.announce(third)
    session.called.feed(third)
    called.rtp.sendto(rtp(2), session.called.local)
    assert loop.receive(listener.rtp) == rtp(2)
    assert nothing(loop, caller.rtp)


def test_silence_is_told_once_when_both_have_stopped(loop: Loop, make_relay: Open, clock: Clock) -> None:
    relay = make_relay()
    relay.start(0.01)
    session, told = relay.open("call"), []
    session.watch(lambda which, why: told.append((which.call_id, why)), stopped=30, never_started=60)
    caller, called = talking(loop, session)
    clock.now += 29
    caller.rtp.sendto(rtp(2), session.caller.local)
    loop.receive(called.rtp)
    clock.now += 29
    loop.turn(5)
    assert told == [], "the caller spoke 29 seconds ago"
    clock.now += 2
    loop.until(lambda: told, "the silence")
    clock.now += 100
    loop.turn(5)
    assert told == [("call", Silence.STOPPED)]


def test_media_that_never_starts_is_told(loop: Loop, make_relay: Open, clock: Clock) -> None:
    relay = make_relay()
    relay.start(0.01)
    session, told = relay.open("call"), []
    session.watch(lambda _, why: told.append(why), stopped=30, never_started=60)
    clock.now += 59
    loop.turn(5)
    assert told == []
    clock.now += 2
    loop.until(lambda: told, "the silence")
    assert told == [Silence.NEVER_STARTED]


def test_a_held_call_may_be_silent_and_has_its_full_time_after_the_hold(
    loop: Loop, make_relay: Open, clock: Clock
) -> None:
    relay = make_relay()
    relay.start(0.01)
    session, told = relay.open("call"), []
    session.watch(lambda _, why: told.append(why), stopped=30, never_started=60)
    talking(loop, session)
    session.held = True
    clock.now += 500
    session.check(clock.now)
    assert told == []
    session.held = False
    clock.now += 29
    session.check(clock.now)
    assert told == []
    clock.now += 2
    loop.until(lambda: told, "the silence after the hold")


def descriptors() -> int:
    """How many files this process has open, without what earlier tests left for the collector to close."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_exhaustion_is_a_clear_error_and_leaves_nothing_open(make_relay: Open) -> None:
    relay = make_relay(pairs=3)
    session = relay.open("first")
    before = descriptors()
    with pytest.raises(PortsExhausted, match="MIZU_RTP_PORTS"):
        relay.open("second")
    assert descriptors() <= before
    assert len(relay) == 1
    session.close()
    assert len(relay) == 0


def test_a_port_that_another_program_has_is_passed_over(loop: Loop, make_relay: Open) -> None:
    relay = make_relay()
    first = relay.open("call")
    next_pair = first.called.local[1] + 2
    loop.udp(port=next_pair + 1)
    assert relay.open("other").caller.local[1] == next_pair + 2
    assert relay.busy_ports == 1


def test_the_advertised_address_stands_in_the_sdp(make_relay: Open) -> None:
    session = make_relay(advertise="203.0.113.9").open("call")
    assert session.caller.local[0] == "203.0.113.9"


def test_a_closed_session_frees_its_ports_and_its_reports_stay(
    loop: Loop, make_relay: Open, clock: Clock
) -> None:
    relay = make_relay(pairs=2)
    session = relay.open("call")
    talking(loop, session)
    local = session.caller.local
    session.close()
    session.close()
    assert session.caller.report().packets == 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(local)
    clock.now += 11
    relay.open("next").close()


def test_thousands_of_sessions_leak_no_descriptor(loop: Loop, make_relay: Open) -> None:
    relay = make_relay(pairs=40, quarantine=0)
    relay.open("warm").close()
    readers = loop.reactor.getReaders()
    before = descriptors()
    for number in range(3000):
        sessions = [relay.open(f"{number}-{n}") for n in range(2)]
        for session in sessions:
            session.caller.expect("127.0.0.1", 9)
            session.close()
        if number % 500 == 0:
            loop.turn(1)
    assert descriptors() <= before
    assert loop.reactor.getReaders() == readers
    assert len(relay) == 0


@pytest.mark.req("media-017", "media-067")
def test_an_account_gets_the_port_again_that_it_had_last_once_it_has_rested(
    make_relay: Open, clock: Clock
) -> None:
    relay = make_relay()
    first = relay.open("first", whose=(7, 8))
    mine, theirs = first.caller.local[1], first.called.local[1]
    first.close()
    busy = relay.open("at once", whose=(7, 0))  # late packets of the first call may still come
    assert busy.caller.local[1] != mine
    busy.close()
    clock.now += 11
    relay.open("a stranger's").close()
    again = relay.open("again", whose=(8, 7))
    assert (again.caller.local[1], again.called.local[1]) == (theirs, busy.caller.local[1])
    again.close()
    clock.now += 11
    assert relay.open("not asked for", whose=(0, 0)).caller.local[1] != again.caller.local[1]
    assert relay.open("nobody's").caller.local[1] not in {mine + 1, theirs}


@pytest.mark.req("media-007")
def test_sound_is_marked_for_routers(loop: Loop, make_relay: Open) -> None:
    relay, left, right = make_relay(), Party(loop), Party(loop)
    relay.dscp = 46
    session = relay.open("call")
    left.announce(session.caller)
    right.announce(session.called)
    right.rtp.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    left.rtp.sendto(rtp(1), session.caller.local)
    loop.turn(5)
    _, ancillary, *_ = right.rtp.recvmsg(2000, 100)
    assert ancillary[0][2][0] >> 2 == 46


@pytest.mark.req("limits-045")
def test_more_media_than_a_worker_may_take_in_is_dropped_until_the_next_tenth_of_a_second(
    loop: Loop, make_relay: Open, clock: Clock
) -> None:
    relay = make_relay()
    sessions = [relay.open("one"), relay.open("two")]
    parties = [talking(loop, one) for one in sessions]
    relay.limit(10 * 4 * 172)  # four packets in a span, of all streams together
    for number in range(2, 6):
        for (caller, _), session in zip(parties, sessions, strict=True):
            caller.rtp.sendto(rtp(number), session.caller.local)
            loop.turn(3)
    for _, called in parties:
        assert [loop.receive(called.rtp) for _ in range(2)] == [rtp(2), rtp(3)]
        assert nothing(loop, called.rtp)
    with capturedLogs() as events:
        relay._check()
        relay._check()
    assert [one["count"] for one in events if "maxnetworkspeed" in one.get("log_format", "")] == [4]
    clock.now += 0.11
    (caller, called), session = parties[0], sessions[0]
    caller.rtp.sendto(rtp(6), session.caller.local)
    assert loop.receive(called.rtp) == rtp(6)
    relay.limit(0)
    for number in range(7, 30):
        caller.rtp.sendto(rtp(number), session.caller.local)
        assert loop.receive(called.rtp) == rtp(number)
