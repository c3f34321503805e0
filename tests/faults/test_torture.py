"""The torture messages of RFC 4475 and RFC 5118 and broken ones at the socket of a running worker: the right answer or silence, and it lives."""

from __future__ import annotations

import pytest

from tests.faults.wire import Peer
from tests.faults.worker import final_answers
from tests.switch.call.conftest import House
from tests.switch.sip import ipv6
from tests.switch.sip.protos import METHODS, Base, requests
from tests.switch.sip.torture import FOLDER, MESSAGES, SILENCE, UNSALVAGEABLE

pytestmark = pytest.mark.fault

REUSED = b"z9hG4bKkdjuw"
"""The RFC gives several messages one branch and one sender: by it a worker would take the second for a copy of the first."""


@pytest.mark.parametrize("name", MESSAGES)
def test_a_torture_message_gets_its_answer_from_a_worker(stranger: Peer, name: str) -> None:
    case = MESSAGES[name]
    expected = [] if case.answer == SILENCE else [case.answer]
    data = (FOLDER / f"{name}.dat").read_bytes().replace(REUSED, REUSED + name.encode())
    assert final_answers(stranger, data) == expected, case.why


def test_what_has_neither_version_nor_via_is_met_by_silence(stranger: Peer) -> None:
    assert final_answers(stranger, (FOLDER / f"{UNSALVAGEABLE}.dat").read_bytes()) == []


@pytest.mark.parametrize("name", ipv6.MESSAGES)
def test_a_message_with_ipv6_addresses_gets_its_answer_from_a_worker(stranger: Peer, name: str) -> None:
    data, case = ipv6.MESSAGES[name]
    assert final_answers(stranger, data) == ([] if case.answer == SILENCE else [case.answer]), case.why


BURST = 25


@pytest.mark.parametrize("method", METHODS)
def test_hundreds_of_broken_requests_leave_a_worker_alive(worker: House, stranger: Peer, method: str) -> None:
    """A sample of what the simulated town is told; who sends it has no account. `opened` finds any failure in the worker's log."""
    base = Base(method, sent_by=b"127.0.0.1:%d" % stranger.port, call_id=b"protos-" + method.encode())
    burst: list[bytes] = []
    sent = 0
    for _, data in requests(base, every=23, offset=METHODS.index(method)):
        burst.append(data)
        if len(burst) == BURST:
            for one in burst[:-1]:
                stranger.send(one)
            final_answers(stranger, burst[-1])
            sent += len(burst)
            burst.clear()
    assert sent > 400
    assert worker.switch.process is not None and worker.switch.process.poll() is None
