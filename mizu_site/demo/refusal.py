"""A carrier that is out of order: it answers every INVITE with 503, and nothing else."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from mizu_site.run.place import Fault

COPIED = ("via", "from", "to", "call-id", "cseq")


class Refusal:
    """Listens on a UDP port in a thread; `asked` counts the calls that it refused (RFC 3261 §8.2.6)."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._seen: set[str] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    @property
    def asked(self) -> int:
        return len(self._seen)

    def __enter__(self) -> Self:
        try:
            self._socket.bind(self._address)
        except OSError as error:
            self._socket.close()
            raise Fault(
                "UDP port {1} of {0} is taken".format(*self._address) + f" ({error.strerror})."
            ) from error
        threading.Thread(target=self._answer, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _answer(self) -> None:
        with suppress(OSError):
            while True:
                data, source = self._socket.recvfrom(65535)
                if not data:
                    return
                if data.startswith(b"INVITE "):
                    self._socket.sendto(self._refused(data.decode("utf-8", "replace")), source)

    def _refused(self, invite: str) -> bytes:
        lines = invite.partition("\r\n\r\n")[0].split("\r\n")[1:]
        headers = [line for line in lines if line.partition(":")[0].strip().lower() in COPIED]
        self._seen.update(line for line in headers if line.lower().startswith("call-id"))
        answer = [line + ";tag=refusal" if line.lower().startswith("to:") else line for line in headers]
        return "\r\n".join(["SIP/2.0 503 Service Unavailable", *answer, "Content-Length: 0", "", ""]).encode()
