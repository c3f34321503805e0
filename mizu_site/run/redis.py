"""The private Redis: what it holds may be lost at any time, so it keeps nothing on disk."""

from __future__ import annotations

import socket
from pathlib import Path

from mizu_site.run.child import tied

PING = b"*1\r\n$4\r\nPING\r\n"


def command(path: Path, folder: Path) -> list[str]:
    """A server that is reached only through the socket `path`."""
    words = ["redis-server", "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    return tied([*words, "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(folder)])


def answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            connection.sendall(PING)
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
