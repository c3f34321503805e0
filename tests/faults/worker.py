"""One worker process, asked by hand whether it lives, and what it answers to a message that no decent peer sends."""

from __future__ import annotations

import time

from tests.faults.wire import Peer, request, unique

DEADLINE = 10.0


def ping(peer: Peer) -> str:
    """Ask for OPTIONS; the Call-ID of the question."""
    call = unique("ping")
    headers = {
        "Via": peer.via, "From": f"<sip:x@127.0.0.1>;tag={call}", "To": "<sip:127.0.0.1>", "Call-ID": call, "CSeq": "1 OPTIONS",
    }  # fmt: skip
    peer.send(request("OPTIONS", f"sip:127.0.0.1:{peer.server[1]}", headers))
    return call


def final_answers(peer: Peer, data: bytes) -> list[int]:
    """Send it, then OPTIONS: the final statuses that came before the answer to that, which proves that the worker lives."""
    peer.send(data)
    call = ping(peer)
    found: list[int] = []
    deadline = time.monotonic() + DEADLINE
    while message := peer.listen(deadline - time.monotonic()):
        if call in message.all("Call-ID"):
            assert message.status == 200
            return found
        assert message.status, f"a stranger was asked something: {message.first}"
        if message.status >= 200:
            found.append(message.status)
    raise AssertionError(f"the worker does not answer OPTIONS any more; before came {found}")
