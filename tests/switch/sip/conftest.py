"""Peers of a simulated network: no sockets, time is a number that the test moves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from switch.sip.ids import Ids
from switch.sip.message import Request, Response, parse
from switch.sip.transaction import TransactionLayer

settings.register_profile("switch", deadline=None, database=None)
settings.load_profile("switch")  # no time limit per example: a busy machine is no failure

TORTURE = Path(__file__).parent / "rfc4475"


class Wire:
    """A flow that remembers what went over it."""

    def __init__(self, *, reliable: bool = False) -> None:
        self.reliable = reliable
        self.broken = False
        self.sent: list[tuple[float, bytes]] = []


class Recorder:
    """A transaction user that notes what it is told, and answers when a test says so."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.transactions: list = []
        self.responses: list[Response] = []
        self.answer: Callable | None = None
        self.up: set[str] = set()

    def serves(self, request):
        return request.to.tag in self.up

    def on_request(self, tx, request):
        self.events.append(request.method)
        self.transactions.append(tx)
        if self.answer:
            self.answer(tx, request)

    def on_ack(self, request, flow):
        self.events.append("ACK")

    def on_cancel(self, tx, request):
        self.events.append("cancelled")

    def on_response(self, tx, response):
        self.events.append(str(response.status))
        self.responses.append(response)

    def on_timeout(self, tx):
        self.events.append("timeout")

    def on_transport_error(self, tx):
        self.events.append("transport error")


class Lab:
    """One layer, its user, one wire and the time. Times are seconds since `START`."""

    START = 1_000_000.0

    def __init__(self, *, reliable: bool = False, **options) -> None:
        self.now = self.START
        self.wire = Wire(reliable=reliable)
        self.user = Recorder()
        self.ids = Ids("w1")
        self.layer = TransactionLayer(self._send, self.user, self.ids, **options)

    def _send(self, wire: Wire, data: bytes) -> None:
        if wire.broken:
            raise OSError("connection reset")
        wire.sent.append((round(self.now - self.START, 2), data))

    def until(self, seconds: float) -> None:
        """Tick every 20 ms up to a time since the start."""
        steps = round((self.START + seconds - self.now) * 50)
        first = self.now
        for step in range(1, steps + 1):
            self.now = first + step / 50
            self.layer.tick(self.now)

    def receive(self, message: Request | Response | bytes) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.layer.receive(parse(data), self.wire, self.now)

    @property
    def sent(self) -> list[str]:
        """`time first-two-words` of everything sent."""
        return [f"{time:g} {_summary(data)}" for time, data in self.wire.sent]

    def last(self) -> Request | Response:
        return parse(self.wire.sent[-1][1])


def _summary(data: bytes) -> str:
    words = data.split(b" ", 2)
    return (words[1] if words[0] == b"SIP/2.0" else words[0]).decode()


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def tcp() -> Lab:
    return Lab(reliable=True)
