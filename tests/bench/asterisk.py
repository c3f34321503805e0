"""The same calls through Mizu and through Asterisk, in turn (`beside`).

`./mizu bench asterisk [--rate N] [--rounds N] [--seconds S] [--json FILE]`

Asterisk is installed as its interop tests do it (`tests.interop.asterisk`); where that cannot be done the benchmark says why, and
is passed over. Its dial plan is one line, `Dial`; media is none in these calls, to either of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bench import beside, calls_data
from tests.interop.asterisk import FILES, Asterisk, root_folder
from tests.support import free_port

RTP_PORTS = 4000
"""It opens two ports for each party of a call, whether they send or not."""
BRIDGING = FILES | {
    "pjsip.conf": """\
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}

[bridged](!)
type=endpoint
context=from-mizu
disallow=all
allow=alaw,ulaw
direct_media=no
media_address=127.0.0.1
bind_rtp_to_media_address=yes

[mizu](bridged)

[carrier](bridged)
aors=carrier

[carrier]
type=aor
contact=sip:127.0.0.1:{switch}

[mizu]
type=identify
endpoint=mizu
match=CALLER
""".replace("CALLER", calls_data.CALLER_ADDRESS),
    "extensions.conf": """\
[from-mizu]
exten => _X.,1,Dial(PJSIP/${{EXTEN}}@carrier)
""",
}


def main(argv: list[str]) -> int:
    try:
        root_folder()
    except pytest.skip.Exception as reason:
        print(f"passed over: {reason}", file=sys.stderr)
        return 0
    return beside.main(argv, "asterisk", __doc__, started)


@contextmanager
def started(scratch: Path, carrier: int) -> Iterator[beside.Other]:
    port = free_port()
    with Asterisk(root_folder(), port=port, switch=carrier, files=BRIDGING, rtp_ports=RTP_PORTS) as asterisk:
        yield beside.Other(port, asterisk.pid)
