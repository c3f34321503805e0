"""Phones with a voice, on real sockets: each says a tone of its own, and tells whose tones it hears."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np

from switch.sip.message import Request, Response
from tests.audio import FRAME, RATE, Talker, from_alaw, from_ulaw, tone
from tests.rtpengine import Daemon
from tests.support import wait_for
from tests.support_sip import Peer, credential
from tests.switch.call.conftest import House
from tests.switch.call.test_media_ways import offer, place
from tests.switch.worlds import Office

HERTZ = {"4001": 440, "4002": 700, "4003": 1000, "4004": 1300, "4005": 1700}
"""What each of the phones says."""


def furnish(office: Office, settings: dict[str, dict[str, Any]] | None = None) -> None:
    """The phones' accounts; calls between them cost nothing."""
    for user in HERTZ:
        account = office.account(user)
        office.rows["credentials"].append(credential(user, f"secret-{user}", account))
        office.rows["overrides"] += [
            [account, key, value] for key, value in (settings or {}).get(user, {}).items()
        ]


class Phone(Peer):
    """One phone, in one call at a time."""

    def __init__(self, house: House, user: str) -> None:
        super().__init__(house.switch.port, user)
        self.voice = Talker()
        self.to: tuple[str, int] | None = None
        """Where the switch wants its sound."""
        self.formats = "0 101"
        self.asking: Request | None = None
        self.agreed: Response | None = None
        self.number = 1

    def close(self) -> None:
        self.register(f"secret-{self.user}", expires=0)
        self.voice.close()
        super().close()

    def described(self, *lines: str) -> bytes:
        return offer(self.voice.port, "127.0.0.1", self.formats, "a=rtpmap:101 telephone-event/8000", *lines)

    # --- signalling ---

    def dial(self, number: str, *headers: tuple[str, str]) -> Request:
        """Call somebody, with the password when it is asked for."""
        invite = self.invite(number, body=self.described(), headers=headers)
        self.send(invite)
        challenge = self.told(407)
        self.ack(invite, challenge)
        again = Request("INVITE", invite.uri, list(invite.headers), invite.body)
        again.set("Via", self.via())
        again.set("CSeq", "2 INVITE")
        again.headers.append(
            ("Proxy-Authorization", self.proof(challenge, "INVITE", invite.uri, f"secret-{self.user}"))
        )
        self.send(again)
        self.asking, self.number = again, 2
        return again

    def through(self) -> Response:
        """The call that it made is answered."""
        assert self.asking is not None
        self.agreed = ok = self.told(200, "INVITE")
        self.ack(self.asking, ok)
        self.to = place(ok.body)
        return ok

    def takes(self, *lines: str, acked: bool = True) -> Request:
        """It takes a call, or a new description in the call that it has."""
        asked = self.asked("INVITE")
        answer = self.answer(asked, 200, body=self.described(*lines))
        if acked:
            self.asked("ACK")
        if asked.to.tag is None:
            self.asking, self.agreed = asked, answer
        self.to = place(asked.body)
        return asked

    def ask(self, method: str, *headers: tuple[str, str], body: bytes = b"") -> Request:
        """A request in its dialog."""
        assert self.asking is not None and self.agreed is not None
        self.number += 1
        mine = self.asking.from_.uri.user == self.user
        send = self.within if mine else self.back
        return send(method, self.asking, self.agreed, cseq=self.number, headers=headers, body=body)

    def offers(self, *lines: str) -> Request:
        """It describes itself anew, to hold the other party for instance."""
        return self.ask("INVITE", body=self.described(*lines))

    def settles(self, asked: Request) -> Response:
        """Its new description was taken."""
        ok = self.told(200, "INVITE")
        assert self.asking is not None and self.agreed is not None
        mine = self.asking.from_.uri.user == self.user
        (self.within if mine else self.back)("ACK", self.asking, self.agreed, cseq=asked.cseq.number)
        self.to = place(ok.body)
        return ok

    def refer(self, to: str, dialog: str = "") -> None:
        """It wants the other party to be connected to somebody, whose dialog with it may be named."""
        suffix = f"?Replaces={quote(dialog, safe='')}" if dialog else ""
        self.ask("REFER", ("Refer-To", f"<sip:{to}@127.0.0.1{suffix}>"))
        self.told(202)

    def dialog(self) -> str:
        """Its call's dialog as the switch knows it."""
        assert self.asking is not None and self.agreed is not None
        own, other = self.asking.from_.tag, self.agreed.to.tag
        return f"{self.asking.call_id};to-tag={other};from-tag={own}"

    def released(self) -> Request:
        """It is hung up."""
        bye = self.asked("BYE")
        self.answer(bye, 200)
        return bye

    def leaves(self) -> None:
        self.ask("BYE")
        self.told(200, "BYE")

    # --- sound ---

    def speak(self, seconds: float = 0.02) -> None:
        if self.to is not None:
            self.voice.say(self.to, tone(HERTZ[self.user], seconds=seconds, level=0.25), pace=0)


def hears(phone: Phone, *, last: float = 0.4) -> set[int]:
    """Which tones are in the last so many seconds that it heard."""
    ulaw, alaw = phone.voice.payloads(0), phone.voice.payloads(8)
    samples = from_ulaw(ulaw) if len(ulaw) >= len(alaw) else from_alaw(alaw)
    samples = samples[-int(RATE * last) :].astype(float)
    if len(samples) < FRAME * 5:
        return set()
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    step = RATE / len(samples)
    loud = {
        one: spectrum[int((one - 25) / step) : int((one + 25) / step) + 2].max()
        for one in (*HERTZ.values(), *MUSIC)
    }
    most = max(loud.values())
    return {one for one, level in loud.items() if level > most * 0.15 and level > 20_000}


MUSIC = (600, 2000)
"""Tones of recordings."""


def everybody_hears(wanted: dict[Phone, set[str | int]], seconds: float = 8.0) -> None:
    """All speak at the pace of life until each hears just those it should (users, or tones of a recording)."""
    expected = {
        phone: {HERTZ[one] if isinstance(one, str) else one for one in heard}
        for phone, heard in wanted.items()
    }
    for phone in expected:
        phone.voice.heard.clear()
    deadline = time.monotonic() + seconds
    while True:
        turn = time.monotonic() + 0.02
        for phone in expected:
            phone.speak()
        for phone in expected:
            phone.voice.listen(max(0.0005, (turn - time.monotonic()) / len(expected)))
        if all(hears(phone) == heard for phone, heard in expected.items()) and _enough(expected):
            return
        assert time.monotonic() < deadline, {
            phone.user: (hears(phone), heard) for phone, heard in expected.items()
        }


def _enough(expected: dict[Phone, set[int]]) -> bool:
    """Who should hear something has heard it for a while; who should hear nothing had the same while."""
    return all(len(phone.voice.heard) >= 20 for phone, heard in expected.items() if heard)


@contextmanager
def present(house: House, *users: str) -> Iterator[list[Phone]]:
    """Phones that are registered."""
    made = [Phone(house, user) for user in users]
    for phone in made:
        assert phone.register(f"secret-{phone.user}").status == 200
    try:
        yield made
    finally:
        for phone in made:
            phone.close()


def talking(a: Phone, b: Phone) -> None:
    """A call between two of them."""
    a.dial(b.user)
    b.takes(acked=False)
    a.through()
    b.asked("ACK")


def carried_by(daemon: Daemon, *phones: Phone) -> bool:
    """Whether the phones' sound goes to the daemon."""
    return all(phone.to is not None and daemon.carries(phone.to[1]) for phone in phones)


def records_of(house: House, caller: Phone, number: int = 2) -> list[dict[str, Any]]:
    """The records of the caller's call and of those that were made within it, the oldest first."""
    assert caller.asking is not None
    call_id = caller.asking.call_id
    found = lambda: len(house.switch.records(call_id)) >= number and house.switch.records(call_id)  # noqa: E731
    return sorted(wait_for(found, 5, "the records"), key=lambda one: str(one["id"]))


def pressed(phone: Phone, digits: str) -> None:
    """Digits as RTP events, each 100 ms of the stream's time."""
    assert phone.to is not None
    voice = phone.voice
    for digit in digits:
        stamp = voice.timestamp
        event = "0123456789*#".index(digit)
        for sent, end in enumerate((0, 0, 0, 0x80, 0x80), 1):
            voice.timestamp = stamp
            body = bytes([event, end | 10, *(160 * sent).to_bytes(2, "big")])
            voice.sock.sendto(voice.packet(body, 101, marker=sent == 1, step=0), phone.to)
        voice.timestamp = stamp + 800
