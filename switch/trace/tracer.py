"""Follows the SIP messages of calls while they run, by Call-ID, and hands on those of calls that are to be kept.

1. Every message that comes or goes is offered as bytes; an INVITE begins a thread, others join the thread of their Call-ID.
2. A call names the threads that are its own: the caller's, and one for each way that it tries.
3. Some seconds after the call's end, when the last copies have passed, the threads go out of memory: to the
   office when the account's setting `siptrace` says so, else nowhere. What belongs to no call goes after a while.

Bounded: so many threads, so many messages in each. With `siptrace` off for everybody and no capture server nothing is offered at all.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from apps.cdrs.tracing.messages import Message, packed
from switch.trace import hep
from switch.trace.veil import veiled

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.net import Flow
    from switch.world.settings import Settings

log = logging.getLogger("switch.trace")

THREADS = 20_000
MESSAGES = 200
"""Of one thread; a call that sends more is a loop, and its beginning tells enough."""
LATE = 5.0
"""Seconds that the last copies and ACKs have after the end of a call."""
DETAILED = "detailed"
STRAY = 60.0
"""Seconds that an INVITE has to become a call."""
_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)

Deliver = Callable[[str, float, bytes], None]
"""Takes a call's id, its start (epoch seconds) and its messages, packed."""


def _call_id_of(data: bytes) -> bytes:
    """The Call-ID of a message, "" without one; spelled as nearly everybody does it is found in a third of the time."""
    begin = data.find(b"\r\nCall-ID: ") + 11
    if begin > 10:
        return data[begin : data.find(b"\r", begin)].strip()
    found = _CALL_ID.search(data)
    return found[1].rstrip() if found is not None else b""


class Thread:
    """The messages of one Call-ID, raw, and the call that they belong to once that is known."""

    __slots__ = ("call", "detailed", "messages")

    def __init__(self) -> None:
        self.call = ""
        self.detailed = False
        self.messages: list[tuple[float, bool, Flow, bytes]] = []


class Tracer:
    """One worker's. `wall`: epoch seconds; `local`: our own address on a flow; `send_hep`: a datagram to the capture server."""

    def __init__(
        self,
        *,
        wall: Callable[[], float],
        local: Callable[[Flow], tuple[str, int]],
        deliver: Deliver,
        send_hep: Callable[[bytes, tuple[str, int]], None],
    ) -> None:
        self._wall = wall
        self._local = local
        self._deliver = deliver
        self._send_hep = send_hep
        self._threads: dict[bytes, Thread] = {}
        self._of_call: dict[str, list[bytes]] = {}
        self._leaving: deque[tuple[float, list[bytes], str, float, bool]] = deque()
        self._strays: deque[tuple[float, bytes]] = deque()
        self._server: tuple[str, int] | None = None
        self._capture = (0, "")
        self._pin_code = b""
        self.active = False

    def follow(self, settings: Settings, *, anybody: bool) -> None:
        """New settings; `anybody`: some account has a trace setting of its own."""
        host, _, port = settings.hep_server.rpartition(":")
        self._server = (host.strip("[]"), int(port)) if port else None
        self._capture = (settings.hep_capture_id, settings.hep_password)
        self._pin_code = settings.code_pin.encode()
        self.active = settings.siptrace != "off" or self._server is not None or anybody

    # --- what passes --------------------------------------------------------------------------------------------------------------

    def heard(self, flow: Flow, data: bytes) -> None:
        """A message that came."""
        self._passed(flow, data, outgoing=False)

    def said(self, flow: Flow, data: bytes) -> None:
        """A message that goes."""
        self._passed(flow, data, outgoing=True)

    def _passed(self, flow: Flow, data: bytes, *, outgoing: bool) -> None:
        key = _call_id_of(data)
        if not key:
            return
        thread = self._threads.get(key)
        if thread is None and data.startswith(b"INVITE ") and len(self._threads) < THREADS:
            thread = self._threads[key] = Thread()
            self._strays.append((self._wall() + STRAY, key))
        if thread is not None and len(thread.messages) < MESSAGES:
            thread.messages.append((self._wall(), outgoing, flow, data))
            if thread.detailed:
                self._log(thread)
        if self._server is not None:
            self._capture_message(flow, data, outgoing, thread)

    def _capture_message(self, flow: Flow, data: bytes, outgoing: bool, thread: Thread | None) -> None:
        assert self._server is not None
        here, there = self._local(flow), (flow.host, flow.port)
        capture_id, password = self._capture
        message = hep.packet(
            veiled(data, self._pin_code),
            source=here if outgoing else there,
            target=there if outgoing else here,
            reliable=flow.reliable,
            at=self._wall(),
            capture_id=capture_id,
            password=password,
            correlation=thread.call if thread is not None else "",
        )
        self._send_hep(message, self._server)

    # --- what calls tell ------------------------------------------------------------------------------------------------------------

    def belongs(self, call: Call, call_id: str) -> None:
        """These messages are the call's."""
        if not self.active:
            return
        key = call_id.encode("utf-8", "surrogateescape")
        thread = self._threads.get(key)
        if thread is None:  # its INVITE is sent only now
            if len(self._threads) >= THREADS:
                return
            thread = self._threads[key] = Thread()
        thread.call = call.id
        keys = self._of_call.setdefault(call.id, [])
        if key not in keys:
            keys.append(key)
        if call.board.world().settings_of(call.account).loglevel == DETAILED:
            self.detail(call.id)

    def detail(self, call_id: str) -> None:
        """From now on each message of this call is a line of the log."""
        for key in self._of_call.get(call_id, ()):
            thread = self._threads[key]
            if not thread.detailed:
                thread.detailed = True
                for place in range(len(thread.messages)):
                    self._log(thread, place)

    def over(self, call: Call, *, failed: bool) -> None:
        """The call has ended; its account's settings say whether the office wants its messages."""
        keys = self._of_call.get(call.id)
        if keys is not None:
            wanted = call.board.world().settings_of(call.account).siptrace
            keep = wanted == "all" or (wanted == "failed" and failed)
            self._leaving.append((self._wall() + LATE, keys, call.id, call.started, keep))

    def sweep(self) -> None:
        """Let go of what is due. Called every second or so."""
        now = self._wall()
        while self._leaving and self._leaving[0][0] <= now:
            self._leave(*self._leaving.popleft()[1:])
        while self._strays and self._strays[0][0] <= now:
            key = self._strays.popleft()[1]
            thread = self._threads.get(key)
            if thread is not None and not thread.call:
                del self._threads[key]

    def drain(self) -> None:
        """The worker stops: what has ended is delivered now."""
        while self._leaving:
            self._leave(*self._leaving.popleft()[1:])

    def _leave(self, keys: list[bytes], call_id: str, started: float, keep: bool) -> None:
        self._of_call.pop(call_id, None)
        threads = [(key, thread) for key in keys if (thread := self._threads.get(key)) is not None]
        for key, thread in threads:
            if thread.call == call_id:  # else its dialog has gone on into another call (`switch.call.rescue`)
                del self._threads[key]
        if keep:
            messages = sorted(
                (one for _, thread in threads for one in thread.messages), key=lambda one: one[0]
            )
            self._deliver(call_id, started, packed([self._told(*one) for one in messages]))

    def _told(self, at: float, outgoing: bool, flow: Flow, data: bytes) -> Message:
        host, port = self._local(flow)
        text = veiled(data, self._pin_code).decode("utf-8", "replace")
        return Message(
            at,
            outgoing,
            flow.transport,
            f"{host}:{port}",
            f"{flow.host}:{flow.port}",
            text.replace("\0", "�"),
        )

    def _log(self, thread: Thread, place: int = -1) -> None:
        at, outgoing, flow, data = thread.messages[place]
        message = self._told(at, outgoing, flow, data)
        arrow = "to" if outgoing else "from"
        log.info(
            "call=%s %.3f %s %s %s\n%s",
            thread.call,
            at,
            arrow,
            message.transport,
            message.theirs,
            message.text,
        )
