"""What the relay and the SIP socket cost per packet on this machine: python -m tests.bench.sockets

CPU time of this process while the reactor handles packets that already wait; making and draining them is not counted.
The usual case is one packet per socket and wake-up (many calls, each 50 packets a second); a burst is the best case.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import DatagramProtocol

from switch.media import PortRange, Relay
from switch.net import Counters, Firewall, Flow
from switch.net.udp import UdpSocket, open_udp

ROUNDS = 40
INVITE = b"INVITE sip:3612345678@127.0.0.1 SIP/2.0\r\n" + b"x" * 700


def rtp(sequence: int) -> bytes:
    """20 ms of G.711."""
    return struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160, 1) + b"\xd5" * 160


def peer() -> socket.socket:
    """The other side."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.setblocking(False)
    sock.bind(("127.0.0.1", 0))
    return sock


def drain(sock: socket.socket) -> int:
    """Throw away what came; how many."""
    count = 0
    while True:
        try:
            sock.recv(2048)
        except BlockingIOError:
            return count
        count += 1


def busy(reactor: Any, done: Callable[[], bool]) -> float:
    """CPU seconds until it is done."""
    began = time.process_time()
    while not done():
        reactor.iterate(0)
    return time.process_time() - began


def relayed(sessions: int, burst: int) -> float:
    """Packets a second on one core, with `burst` packets waiting in each of `sessions` sockets."""
    reactor = EPollReactor()
    relay = Relay(reactor, PortRange(20000, 29999, clock=time.monotonic))
    caller, called = peer(), peer()
    opened = [relay.open(str(number)) for number in range(sessions)]
    for session in opened:
        session.caller.expect(*caller.getsockname())
        session.called.expect(*called.getsockname())
    packets, spent, sequence = 0, 0.0, 0
    for _ in range(ROUNDS):
        time.sleep(0.02)  # as voice comes
        for _ in range(burst):
            sequence += 1
            packet = rtp(sequence)
            for session in opened:
                caller.sendto(packet, session.caller.local)
        goal = packets + sessions * burst
        spent += busy(reactor, lambda goal=goal: sum(one.caller.stream.packets for one in opened) >= goal)
        packets = goal
        assert drain(called) == sessions * burst
    relay.stop()
    return packets / spent


def received(own: bool) -> float:
    """SIP datagrams a second on one core: through our socket, or through Twisted's DatagramProtocol."""
    reactor, sender, heard = EPollReactor(), peer(), [0]

    def count(_data: bytes, _flow: Flow) -> None:
        heard[0] += 1

    class Twisted(DatagramProtocol):
        def datagramReceived(self, datagram: bytes, addr: Any) -> None:
            if firewall.admits(addr[0]):
                count(datagram, Flow("udp", addr[0], addr[1], False, 0, 1))

    firewall = Firewall(time.monotonic, rate=1e9, burst=1e9)
    if own:
        sock = open_udp("127.0.0.1", 0, shared=False, receive_buffer=4 << 20)
        target = sock.getsockname()
        UdpSocket(
            reactor,
            sock,
            own=False,
            worker=1,
            firewall=firewall,
            counters=Counters(),
            on_datagram=count,
            on_error=lambda flow, reason: None,
            datagrams_per_turn=64,
            shortest=16,
        ).start()
    else:
        port: Any = reactor.listenUDP(0, Twisted(), "127.0.0.1", 65536)
        target = ("127.0.0.1", port.getHost().port)
    spent, total = 0.0, 0
    for _ in range(ROUNDS * 5):
        for _ in range(60):
            sender.sendto(INVITE, target)
        total += 60
        spent += busy(reactor, lambda total=total: heard[0] >= total)
    return total / spent


def opened() -> float:
    """Sessions opened, announced and closed in a second."""
    relay = Relay(EPollReactor(), PortRange(20000, 29999, quarantine=0, clock=time.monotonic))
    began = time.process_time()
    for number in range(2000):
        session = relay.open(str(number))
        session.caller.expect("127.0.0.1", 9)
        session.called.expect("127.0.0.1", 9)
        session.close()
    return 2000 / (time.process_time() - began)


def main() -> None:
    """Measure and print."""
    print(
        f"RTP relayed, one packet waiting in each of 200 calls: {relayed(200, 1):>9,.0f} packets/s per core"
    )
    print(
        f"RTP relayed, bursts of 16 in one call:                {relayed(10, 16):>9,.0f} packets/s per core"
    )
    print(f"relay sessions opened and closed:                     {opened():>9,.0f} /s per core")
    print(f"SIP datagrams heard, our socket:                      {received(True):>9,.0f} /s per core")
    print(f"SIP datagrams heard, Twisted's DatagramProtocol:      {received(False):>9,.0f} /s per core")


if __name__ == "__main__":
    main()
