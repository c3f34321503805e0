"""A real rtpengine daemon for a test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from mizu_site.run.probes import rtpengine_answers
from switch.media.rtpengine.bencode import decode, encode
from tests.support import free_port, free_ports, wait_for


class Daemon:
    """One process on 127.0.0.1; `port` is where it takes commands."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name) / "log"
        self.start()

    def start(self) -> None:
        self.port = free_port()
        self.media = free_ports(200)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--log-level=6", "--table=-1", "--interface=127.0.0.1",
                 f"--listen-ng=127.0.0.1:{self.port}", f"--port-min={self.media}", f"--port-max={self.media + 199}",
                 "--num-threads=2", "--delete-delay=0"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        wait_for(lambda: rtpengine_answers(self.port), 10, "rtpengine")

    def carries(self, port: int) -> bool:
        """Whether a media port is one of its own."""
        return self.media <= port < self.media + 200

    def calls(self) -> list[str]:
        """What it carries now, by its own list. The cookie is new each time: one it knows is answered from its memory."""
        cookie = os.urandom(6).hex().encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(cookie + b" " + encode({"command": "list", "limit": 100}), ("127.0.0.1", self.port))
            reply = decode(sock.recv(65536).partition(b" ")[2])
        assert isinstance(reply, dict)
        return [one.decode() for one in reply["calls"]]

    def kill(self) -> None:
        """As if its machine had lost power."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        self.folder.cleanup()

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def pid_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
