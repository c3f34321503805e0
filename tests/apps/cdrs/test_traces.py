"""SIP traces in the office: from the switch's queue to a picture, a text and a capture file."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from struct import unpack
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apps.cdrs import traces
from apps.cdrs.models import Cdr, SipTrace
from apps.cdrs.tracing.ladder import as_text, ladder
from apps.cdrs.tracing.messages import Message, packed, unpacked
from apps.cdrs.tracing.pcap import capture
from tests import make

pytestmark = pytest.mark.django_db
US, CALLER, CARRIER = "192.0.2.1:5060", "198.51.100.7:5062", "203.0.113.9:5060"


def told(at: float, start: str, theirs: str, *, outgoing: bool, body: str = "") -> Message:
    text = f"{start}\r\nCall-ID: {theirs}\r\n\r\n{body}"
    return Message(1_790_000_000 + at, outgoing, "udp", US, theirs, text)


CALL = [
    told(0.0, "INVITE sip:1 SIP/2.0", CALLER, outgoing=False, body="v=0\r\n"),
    told(0.01, "SIP/2.0 100 Trying", CALLER, outgoing=True),
    told(0.02, "INVITE sip:1@carrier SIP/2.0", CARRIER, outgoing=True, body="v=0\r\n"),
    told(0.52, "INVITE sip:1@carrier SIP/2.0", CARRIER, outgoing=True, body="v=0\r\n"),
    told(0.6, "SIP/2.0 503 <b>No</b>", CARRIER, outgoing=False),
    told(0.7, "SIP/2.0 503 Service Unavailable", CALLER, outgoing=True),
]


def queued(call: Cdr, messages: bytes) -> str:
    row = {
        "call": str(call.pk),
        "started": call.started_at.timestamp(),
        "messages": b64encode(messages).decode(),
    }
    return json.dumps(row)


@pytest.fixture
def call() -> Cdr:
    return make.call(make.subscriber(), at=timezone.now() - timedelta(minutes=1))


@pytest.fixture
def traced(call: Cdr) -> Cdr:
    traces.store([queued(call, packed(CALL)).encode()])
    return call


def test_the_queue_is_emptied_and_what_cannot_be_read_is_passed_over(call: Cdr):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(traces.QUEUE)
        bomb = queued(call, packed([Message(0, False, "udp", "", "", " " * 40_000_000)]))
        client.rpush(
            traces.QUEUE,
            "no json",
            '{"call": "x"}',
            bomb,
            queued(call, b"no zlib"),
            queued(call, packed(CALL)),
        )
        assert traces.store_waiting() == 1
        assert client.llen(traces.QUEUE) == 0
    assert unpacked(bytes(SipTrace.objects.get(call_id=call.pk).messages)) == CALL


def test_a_trace_that_comes_twice_is_there_once(call: Cdr):
    row = queued(call, packed(CALL)).encode()
    traces.store([row, row])
    traces.store([row])
    assert SipTrace.objects.count() == 1


def test_old_traces_are_forgotten(traced: Cdr):
    old = SipTrace.objects.create(
        call_id=uuid4(), started_at=timezone.now() - timedelta(days=15), messages=packed(CALL)
    )
    assert traces.forget_old() == 1
    assert not SipTrace.objects.filter(pk=old.pk).exists() and SipTrace.objects.exists()


def test_the_ladder_has_the_switch_between_the_parties_and_marks_what_came_again():
    drawn = ladder(list(reversed(CALL)))
    assert drawn.columns == (CALLER, "Mizu", CARRIER)
    assert [(one.source, one.target, one.label, one.again) for one in drawn.arrows] == [
        (0, 1, "INVITE (SDP)", False),
        (1, 0, "100 Trying", False),
        (1, 2, "INVITE (SDP)", False),
        (1, 2, "INVITE (SDP)", True),
        (2, 1, "503 <b>No</b>", False),
        (1, 0, "503 Service Unavailable", False),
    ]
    assert [one.tone for one in drawn.arrows][-1] == "bad"
    text = as_text(drawn)
    assert text.index("INVITE (SDP)") < text.index("=== 1.") < text.index("=== 6.")
    assert f"{US} → {CARRIER}" in text and "(again)" in text


def test_staff_see_the_picture_and_download_the_files(traced: Cdr, client: Client):
    client.force_login(make.admin())
    assert "SIP messages" in client.get(f"/admin/cdrs/cdr/{traced.pk}/change/").content.decode()
    page = client.get(f"/admin/cdrs/cdr/{traced.pk}/sip/").content.decode()
    assert page.count('marker-end="url(#tip)"') == len(CALL)
    assert "503 &lt;b&gt;No" in page and "<b>No" not in page
    assert client.get(f"/admin/cdrs/cdr/{traced.pk}/sip.pcap").content == capture(CALL)
    assert client.get(f"/admin/cdrs/cdr/{traced.pk}/sip.txt").content.decode() == as_text(ladder(CALL))


def test_a_call_without_a_trace_says_so(call: Cdr, client: Client):
    client.force_login(make.admin())
    assert "siptrace" in client.get(f"/admin/cdrs/cdr/{call.pk}/sip/").content.decode()
    assert client.get(f"/admin/cdrs/cdr/{call.pk}/sip.pcap").status_code == 404
    assert client.get(f"/api/v1/cdrs/{call.pk}/sip/").status_code == 404


def test_programs_read_messages_and_capture_and_a_customer_reads_neither(traced: Cdr, client: Client):
    client.force_login(make.admin())
    rows = client.get(f"/api/v1/cdrs/{traced.pk}/sip/").json()
    assert [row["theirs"] for row in rows] == [one.theirs for one in CALL]
    assert client.get(f"/api/v1/cdrs/{traced.pk}/pcap/").content == capture(CALL)
    client.force_login(traced.caller)
    for name in ("sip", "pcap"):
        assert client.get(f"/api/v1/cdrs/{traced.pk}/{name}/").status_code == 403


def test_the_capture_file_holds_whole_packets_with_right_checksums(tmp_path: Path):
    six = Message(
        1_790_000_001.5,
        False,
        "tls",
        "2001:db8::1:5061",
        "2001:db8::2:40000",
        "OPTIONS sip:ü SIP/2.0\r\n\r\n",
    )
    data = capture([*CALL, six])
    assert data[:4] == b"\xa1\xb2\xc3\xd4" and unpack("!I", data[20:24]) == (101,)
    place, versions = 24, []
    while place < len(data):
        seconds, micros, kept, length = unpack("!IIII", data[place : place + 16])
        packet = data[place + 16 : place + 16 + kept]
        assert kept == length == len(packet) and micros < 1_000_000 and seconds >= 1_790_000_000
        versions.append(packet[0] >> 4)
        if versions[-1] == 4:
            assert unpack("!H", packet[2:4])[0] == len(packet) and _folded(packet[:20]) == 0xFFFF
        else:
            pseudo = packet[8:40] + len(packet[40:]).to_bytes(4, "big") + b"\0\0\0\x11"
            assert (
                unpack("!H", packet[4:6])[0] == len(packet) - 40 and _folded(pseudo + packet[40:]) == 0xFFFF
            )
        place += 16 + kept
    assert versions == [4] * len(CALL) + [6]


def _folded(data: bytes) -> int:
    """The ones' complement sum: all ones when the checksum within is right (RFC 1071)."""
    total = sum(unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
