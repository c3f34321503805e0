"""A worker in its own process: python -m tests.switch.net.worker_process WORKER WORKERS SHARED OWN RUN_DIR

Labelled messages ("... worker=2 ...") belong to the worker that they name. It writes one JSON line per event, and
answers every message with its own number and the first line, on the flow that the message came on.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from twisted.internet.epollreactor import EPollReactor

from switch.net import Flow, Net, NetConfig, Reason
from switch.sip.stream import BadStream, Framer

LABEL = re.compile(rb"worker=(\d+)")


def worker_of(data: bytes) -> int | None:
    found = LABEL.search(data)
    return int(found[1]) if found else None


def tell(**event: Any) -> None:
    print(json.dumps(event), flush=True)


def main() -> None:
    worker, workers, shared, own = map(int, sys.argv[1:5])
    reactor: Any = EPollReactor()
    config = NetConfig(
        worker=worker, workers=workers, shared_port=shared, own_port=own, run_dir=Path(sys.argv[5])
    )

    def heard(data: bytes, flow: Flow) -> None:
        tell(heard=data.split(b"\r\n")[0].decode(), by=worker, flow=flow)
        net.send(flow, b"%d got %s" % (worker, data.split(b"\r\n")[0]))

    def failed(flow: Flow, reason: Reason) -> None:
        tell(failed=reason, by=worker, flow=flow)

    net = Net(
        reactor, config, heard, failed, make_framer=Framer, framing_error=BadStream, worker_of=worker_of
    )
    net.start()
    reactor.addSystemEventTrigger("before", "shutdown", net.stop)
    reactor.callWhenRunning(lambda: tell(ready=worker))
    reactor.run()


if __name__ == "__main__":
    main()
