"""`python -m tests.faults.flooder RATE PORT...`: so many INVITEs of strangers a second to these ports, until SIGTERM; how many."""

from __future__ import annotations

import itertools
import signal
import socket
import sys
import time

from tests.faults.wire import SDP, request, unique

SOCKETS = 20
BURST = 20


def main(arguments: list[str]) -> None:
    rate, ports = int(arguments[0]), [int(port) for port in arguments[1:]]
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOCKETS)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
    mark = unique("f")
    headers = {
        "Via": f"SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{mark}-NUMBER",
        "From": f"<sip:nobody@127.0.0.1>;tag={mark}",
        "To": "<sip:1@127.0.0.1>",
        "Call-ID": f"{mark}-NUMBER",
        "CSeq": "1 INVITE",
        "Contact": "<sip:nobody@127.0.0.1:9>",
    }
    text = request("INVITE", "sip:1@127.0.0.1", headers, SDP)
    sent, due = 0, time.monotonic()
    for number in itertools.count():
        if told:
            break
        due = max(due + BURST / rate, time.monotonic() - 0.1)
        time.sleep(max(0.0, due - time.monotonic()))
        for place in range(BURST):
            data = text.replace("NUMBER", f"{number}x{place}").encode()
            try:
                sockets[number % SOCKETS].sendto(data, ("127.0.0.1", ports[(number + place) % len(ports)]))
                sent += 1
            except OSError:
                continue
    print(sent)


if __name__ == "__main__":
    main(sys.argv[1:])
