"""Recordings that callers hear before or while they are dialled, through a real worker."""

from __future__ import annotations

import json
import time
import wave
from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from twisted.internet.task import Clock

from switch.media import events
from switch.media.player import BadVoice, Player, Voices
from switch.sip.message import Request, Response
from tests.audio import FRAME, from_ulaw, loudest, talk, tone
from tests.support import free_ports
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House, opened
from tests.switch.call.test_media_ways import answered, offer, over, place, talkers
from tests.switch.worlds import Office

CALLERS: dict[str, dict[str, Any]] = {
    "before": {"playadv": True, "discadvonconnect": "before", "routertpcaller": "bypass"},
    "stop": {"playadv": True, "connectvoice": "long"},
    "continue": {"playadv": True, "connectvoice": "long", "discadvonconnect": "continue"},
    "missing": {"playadv": True, "connectvoice": "nothing"},
    "unrouted": {"playadv": True, "playadvifnortprouting": False, "routertpcaller": "bypass"},
    "others": {},
    "suspect": {"routertpcaller": "bypass"},
    "stranger": {"routertpcaller": "bypass"},
}
ports: dict[str, int] = {}


def record(path: Path, sound: np.ndarray, *, rate: int = 8000, channels: int = 1) -> None:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes(sound.astype("<i2").tobytes())


def furnish_question(office: Office) -> None:
    """One trunk is a bad caller, and is asked for a key; calls to outside go by one carrier."""
    suspect = next(row[0] for row in office.rows["accounts"] if row[1] == "suspect")
    office.settings |= {
        "autoban": "manual", "autoban_askkey": "banned", "autoban_special_expecteddtmf": "42",
    }  # fmt: skip
    office.bad_callers = {f"trunk:{suspect}": inf}
    office.tariff("retail", {"": 0}, to=suspect)
    carriers = []
    for name, price in (("choosy", 0), ("choosy2", 0), ("out", 1)):
        carriers.append(office.carrier(name, {"": price}, media="direct"))
        ports[name] = free_ports(1)
        office.rows["trunks"][-1][1:4] = ["127.0.0.1", ports[name], "udp"]
    office.rule("outside", *carriers, priority=1, called_prefixes=["49"])
    office.rule("choosy ones only", *carriers[:2], priority=2, called_prefixes=["48"], final=True)
    office.tariff(
        "retail", {"": 0}, to=next(row[0] for row in office.rows["accounts"] if row[1] == "stranger")
    )
    for carrier in carriers[:2]:
        own = {
            "autoban_special": "ask",
            "autoban_special_voicefile": "choose",
            "autoban_special_expecteddtmf": "7",
        }
        office.rows["overrides"] += [[carrier, key, value] for key, value in own.items()]


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    def change(office: Office) -> None:
        first = free_ports(len(CALLERS))
        for number, (name, settings) in enumerate(CALLERS.items()):
            account = office.account(name, "customer_trunk")
            ports[name] = first + number
            office.address(account, "127.0.0.1", ports[name])
            office.rows["overrides"] += [[account, key, value] for key, value in settings.items()]
        account = office.account("5001")
        office.rows["credentials"].append(credential("5001", "secret-5001", account))
        office.rows["overrides"].append([account, "routertpcalled", "peer"])
        office.settings["defadvfile"] = "short"
        furnish_question(office)

    with opened(django_db_blocker, change=change) as found:
        voices = found.switch.var / "voices"
        record(voices / "short.wav", tone(700, seconds=0.4))
        record(voices / "please_press_a_key.wav", tone(700, seconds=1.0))
        record(voices / "choose.wav", tone(1200, seconds=0.8))
        record(voices / "long.wav", tone(700, seconds=2.5))
        yield found


@contextmanager
def parties(house: House, caller: str) -> Iterator[tuple[Peer, Peer]]:
    a, b = Peer(house.switch.port, caller, port=ports[caller]), Peer(house.switch.port, "5001")
    assert b.register("secret-5001").status == 200
    yield a, b
    b.register("secret-5001", expires=0)
    a.close()
    b.close()


@pytest.mark.req(
    "media-018", "media-076", "media-077", "media-078", "media-079", "media-082", "media-083", "media-085"
)
def test_a_recording_is_heard_before_anybody_is_dialled(house: House) -> None:
    with talkers() as (left, right), parties(house, "before") as (a, b):
        invite = a.invite("5001", body=offer(left.port))
        a.send(invite)
        early = a.told(183)
        b.silent(0.2)
        left.until(lambda: len(left.payloads()) >= 20 * FRAME, "the recording")
        assert abs(loudest(from_ulaw(left.payloads())) - 700) < 20
        out = b.asked("INVITE")
        _, ok = answered(a, b, invite, out, offer(right.port))
        assert place(ok.body) == place(early.body)
        left.heard.clear()
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)
    assert house.switch.record(invite)["media"] == "relay"


@pytest.mark.req("media-082", "media-086")
@pytest.mark.parametrize("caller", ["stop", "continue"])
def test_a_recording_ends_with_the_answer_or_is_heard_to_its_end(house: House, caller: str) -> None:
    with talkers() as (left, right), parties(house, caller) as (a, b):
        invite = a.invite("5001", body=offer(left.port))
        a.send(invite)
        a.told(183)
        out = b.asked("INVITE", 1)
        left.until(lambda: len(left.payloads()) >= 10 * FRAME, "the recording")
        _, ok = answered(a, b, invite, out, offer(right.port))
        left.listen(0.1)
        left.heard.clear()
        right.say(place(out.body), tone(1000), pace=0.002)
        left.listen(0.3)
        assert abs(loudest(from_ulaw(left.payloads())) - (1000 if caller == "stop" else 700)) < 20
        if caller == "continue":
            silent = lambda: not left.heard.clear() and not left.listen(0.1) and not left.heard  # noqa: E731
            left.until(silent, "the end of the recording")
        left.heard.clear()
        right.heard.clear()
        talk(left, place(ok.body), right, place(out.body))
        over(a, b, invite, ok)


@pytest.mark.req("media-081", "media-083")
@pytest.mark.parametrize("caller", ["missing", "unrouted", "others"])
def test_without_a_recording_that_can_be_played_the_call_is_just_dialled(house: House, caller: str) -> None:
    with parties(house, caller) as (a, b):
        invite = a.invite("5001", body=offer(40000))
        a.send(invite)
        out = b.asked("INVITE", 1)
        b.answer(out, 486)
        a.ack(invite, a.told(486))
        assert not any(getattr(one, "status", 0) == 183 for one in a.heard)


@pytest.mark.req("media-081", "media-084")
@pytest.mark.parametrize(
    ("heard_by", "phone", "kind", "name"),
    [
        ("nobody", True, "subscriber", ""), ("phones", True, "subscriber", "music"), ("phones", False, "carrier", ""),
        ("numbers", False, "carrier", "music"), ("numbers", False, "customer_trunk", ""), ("all", False, "customer_trunk", "music"),
    ],
)  # fmt: skip
def test_who_hears_the_common_recording(heard_by: str, phone: bool, kind: str, name: str) -> None:
    from apps.config.registry import defaults
    from switch.call.announce import recording_for
    from switch.world.settings import Settings

    common = Settings.of(defaults() | {"defadvfile": "music", "playadvfor": heard_by})
    assert recording_for(common, phone=phone, kind=kind) == name
    own = Settings.of(defaults() | {"defadvfile": "music", "playadv": True, "connectvoice": "mine"})
    assert recording_for(own, phone=phone, kind=kind) == "mine"


@pytest.mark.req("media-079")
def test_only_recordings_of_the_right_kind_are_played(tmp_path: Path) -> None:
    voices = Voices(tmp_path)
    record(tmp_path / "fast.wav", tone(440), rate=16000)
    record(tmp_path / "two.wav", tone(440), channels=2)
    (tmp_path / "text.wav").write_text("no sound")
    for name in ("fast", "two", "text", "none", "../fast", "", "a/b", "x" * 200):
        with pytest.raises(BadVoice):
            voices.get(name)
    record(tmp_path / "good.wav", tone(440))
    first = voices.get("good")
    assert voices.get("good.wav").sound == first.sound
    record(tmp_path / "good.wav", tone(900, seconds=0.1))
    import os

    os.utime(tmp_path / "good.wav", ns=(1, 1))
    assert voices.get("good").sound != first.sound


def test_a_player_keeps_time_although_its_timers_are_late(tmp_path: Path) -> None:
    record(tmp_path / "one.wav", tone(440, seconds=1))
    clock, sent, ended = Clock(), [], []
    player = Player(
        Voices(tmp_path).get("one"), 0, send=sent.append, later=clock.callLater, clock=clock.seconds,
        done=lambda: ended.append(clock.seconds()),
    )  # fmt: skip
    player.start()
    while not ended:
        clock.advance(0.007)
    assert len(sent) == 50 and ended[0] == pytest.approx(1.0, abs=0.02)
    assert [one[1] >> 7 for one in sent] == [1] + [0] * 49


def test_music_begins_anew_until_it_is_stopped(tmp_path: Path) -> None:
    record(tmp_path / "one.wav", tone(440, seconds=0.1))
    clock, sent = Clock(), []
    player = Player(
        Voices(tmp_path).get("one"),
        8,
        send=sent.append,
        later=clock.callLater,
        clock=clock.seconds,
        again=True,
    )
    player.start()
    clock.pump([0.02] * 30)
    assert len(sent) >= 30
    player.stop()
    before = len(sent)
    clock.pump([0.02] * 5)
    assert len(sent) == before


# a key that a caller has to press


OUT = "49301234567"


@contextmanager
def questioned(
    house: House, caller: str = "suspect", carrier: str = "out", called: str = OUT
) -> Iterator[tuple[Peer, Peer, Any, Any, Any]]:
    """A caller that hears the question: itself, the carrier, its voice, its INVITE, and where its sound goes."""
    with talkers() as (left, _):
        a, out = (Peer(house.switch.port, name, port=ports[name]) for name in (caller, carrier))
        body = offer(left.port, "127.0.0.1", "0 101", "a=rtpmap:101 telephone-event/8000")
        invite = a.invite(called, body=body)
        a.send(invite)
        early = a.told(183)
        out.silent(0.2)
        left.until(lambda: len(left.payloads()) >= 10 * FRAME, "the recording")
        try:
            yield a, out, left, invite, place(early.body)
        finally:
            a.close()
            out.close()


def press(left: Any, to: tuple[str, int], digits: str) -> None:
    for digit in digits:
        stamp = left.timestamp
        for number in range(6):
            left.timestamp = stamp
            body = events.write(digit, min(number + 1, 4) * 160, end=number >= 4)
            left.sock.sendto(left.packet(body, 101, marker=number == 0), to)
            time.sleep(0.002)
        left.timestamp = stamp + 960


def inform(a: Peer, invite: Request, number: int, digit: str) -> None:
    """A digit by INFO, in the early dialog."""
    early = next(one for one in a.heard if isinstance(one, Response) and one.status == 183)
    assert early.contact is not None
    info = a.request("INFO", early.contact.uri_text, call_id=invite.call_id, to=early.get("To") or "",
                     from_=invite.get("From") or "", cseq=number)  # fmt: skip
    info.headers.append(("Content-Type", "application/dtmf-relay"))
    info.body = f"Signal={digit}\r\n".encode()
    contact = early.contact.uri
    a.send(info, (contact.host, contact.port or 5060))
    a.told(200, "INFO")


def kept(house: House) -> list[tuple[str, bool]]:
    """What the journal tells the office of callers that were asked."""
    texts = [path.read_text() for path in sorted((house.switch.var / "spool").glob("*/*.log"))]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    return [(line["key"], line["right"]) for line in lines if line.get("what") == "pressed"]


@pytest.mark.req("fraud-037", "fraud-038", "fraud-053")
@pytest.mark.parametrize("by_info", [False, True])
def test_a_suspect_who_presses_the_key_is_let_through(house: House, by_info: bool) -> None:
    before = len(kept(house))
    with questioned(house) as (a, out, left, invite, to):
        if by_info:
            for number, digit in enumerate("42", 2):
                inform(a, invite, number, digit)
        else:
            press(left, to, "42")
        asked = out.asked("INVITE")
        assert asked.target.user == OUT
        out.answer(asked, 486)
        a.ack(invite, a.told(486, "INVITE"))
    house.switch.record(invite)
    assert [right for _, right in kept(house)[before:]] == [True]


@pytest.mark.req("fraud-038", "fraud-048")
@pytest.mark.parametrize("digits", ["43", "9", ""])
def test_the_wrong_key_or_none_until_the_recording_ends_refuses_the_call(house: House, digits: str) -> None:
    before = len(kept(house))
    with questioned(house) as (a, out, left, invite, to):
        press(left, to, digits)
        a.ack(invite, a.told(403, "INVITE"))
        out.silent(0.1)
    record = house.switch.record(invite)
    assert record["cause"] == "caller_banned" and "the wrong key, or none" in record["comment"]
    assert [right for _, right in kept(house)[before:]] == [False]


def test_a_suspect_who_hangs_up_is_not_asked_any_longer(house: House) -> None:
    before = len(kept(house))
    with questioned(house) as (a, out, _left, invite, _to):
        a.cancel(invite)
        a.ack(invite, a.told(487, "INVITE"))
        out.silent(1.2)
    assert house.switch.record(invite)["cause"] == "cancelled" and kept(house)[before:] == []


def test_who_cannot_hear_the_question_is_refused(house: House) -> None:
    a, out = (Peer(house.switch.port, name, port=ports[name]) for name in ("suspect", "out"))
    invite = a.invite(OUT, body=offer(40000, "127.0.0.1", "9"))
    a.send(invite)
    a.ack(invite, a.told(403, "INVITE"))
    out.silent(0.1)
    assert "it cannot be asked for a key" in house.switch.record(invite)["comment"]
    a.close()
    out.close()


# the same for single carriers


@pytest.mark.req("fraud-043", "fraud-044", "fraud-053")
def test_a_carrier_that_asks_has_its_own_recording_and_key_and_gets_who_presses_it(house: House) -> None:
    before = len(kept(house))
    with questioned(house, "stranger", "choosy") as (a, choosy, left, invite, to):
        assert abs(loudest(from_ulaw(left.payloads())) - 1200) < 20
        press(left, to, "7")
        with closing(Peer(house.switch.port, "choosy2", port=ports["choosy2"])) as second:
            choosy.answer(choosy.asked("INVITE"), 503)
            second.answer(second.asked("INVITE"), 486)  # nobody is asked twice
        a.ack(invite, a.told(486, "INVITE"))
    key, right = kept(house)[before:][0]
    assert key.startswith("special:trunk:") and right is True


@pytest.mark.req("fraud-043", "fraud-049")
@pytest.mark.parametrize("digits", ["4", ""])
def test_who_presses_no_key_or_a_wrong_one_goes_on_to_the_next_carrier(house: House, digits: str) -> None:
    before = len(kept(house))
    with questioned(house, "stranger") as (a, out, left, invite, to):
        press(left, to, digits)
        asked = out.asked("INVITE", 2)
        assert asked.target.user == OUT
        out.answer(asked, 486)
        a.ack(invite, a.told(486, "INVITE"))
    record = house.switch.record(invite)
    assert [why for _, _, why, _ in record["attempts"]] == ["caller_banned", "caller_banned", "sip_486"]
    key, right = kept(house)[before:][0]
    assert key.startswith("special:trunk:") and right is False


@pytest.mark.req("fraud-043")
def test_with_carriers_only_that_ask_the_call_is_refused_for_the_wrong_key(house: House) -> None:
    with questioned(house, "stranger", "choosy", "48221234567") as (a, choosy, left, invite, to):
        press(left, to, "1")
        a.ack(invite, a.told(403, "INVITE"))
        choosy.silent(0.1)
    record = house.switch.record(invite)
    assert record["cause"] == "caller_banned" and "no key, or the wrong one" in record["comment"]


def test_who_cannot_hear_the_question_goes_by_a_carrier_that_does_not_ask(house: House) -> None:
    before = len(kept(house))
    a, out = (Peer(house.switch.port, name, port=ports[name]) for name in ("stranger", "out"))
    invite = a.invite(OUT, body=offer(40000, "127.0.0.1", "9"))
    a.send(invite)
    out.answer(out.asked("INVITE"), 486)
    a.ack(invite, a.told(486, "INVITE"))
    assert kept(house)[before:] == []
    a.close()
    out.close()
