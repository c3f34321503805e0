"""A capture file of a call's messages that Wireshark, tshark and sngrep open.

What came by TCP, TLS or WebSocket is written as UDP too: the messages are whole already, and every tool reads it so.
Classic pcap, link type "raw IP" (LINKTYPE_RAW), times in microseconds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from struct import pack, unpack

from apps.cdrs.tracing.messages import Message

RAW_IP = 101
LONGEST = 65_000
"""Of one message: what an IP packet can hold; longer ones are cut, and their packet says how long they were."""


def capture(messages: Sequence[Message]) -> bytes:
    """The whole file."""
    header = pack("!IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, RAW_IP)
    return header + b"".join(_record(one) for one in sorted(messages, key=lambda one: one.at))


def _record(message: Message) -> bytes:
    data = message.text.encode()[:LONGEST]
    ends = (message.ours, message.theirs)
    source, target = ends if message.outgoing else reversed(ends)
    packet = _ip(*_address(source), *_address(target), data)
    seconds = int(message.at)
    micros = min(999_999, round((message.at - seconds) * 1_000_000))
    return pack("!IIII", seconds, micros, len(packet), len(packet)) + packet


def _address(text: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]:
    host, _, port = text.rpartition(":")
    return ipaddress.ip_address(host.strip("[]").partition("%")[0]), int(port)


def _ip(
    source: ipaddress.IPv4Address | ipaddress.IPv6Address,
    source_port: int,
    target: ipaddress.IPv4Address | ipaddress.IPv6Address,
    target_port: int,
    data: bytes,
) -> bytes:
    length = 8 + len(data)
    udp = pack("!HHHH", source_port, target_port, length, 0) + data
    if source.version == 4 and target.version == 4:
        header = pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0, 64, 17, 0, source.packed, target.packed)
        return header[:10] + pack("!H", _checksum(header)) + header[12:] + udp
    pseudo = _six(source) + _six(target) + pack("!IHBB", length, 0, 0, 17)
    udp = udp[:6] + pack("!H", _checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    return pack("!IHBB", 0x60000000, length, 17, 64) + _six(source) + _six(target) + udp


def _six(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """IPv6, or IPv4 mapped into it when only the other end is IPv6."""
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
