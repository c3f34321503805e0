"""FreeRADIUS from Debian at free ports: it checks digests, decides about calls, and writes down what it is told."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from socket import SOCK_DGRAM
from types import TracebackType
from typing import Self

from mizu_site.run.child import tied
from tests.support import free_ports, listens, wait_for

SECRET = "between-the-two-of-us"
CONFIG = """\
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
logdir = {folder}
run_dir = {folder}
name = radiusd
correct_escapes = true
max_requests = 1024
log {{
    destination = stdout
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = no
}}
client switch {{
    ipaddr = 127.0.0.1
    secret = {secret}
}}
thread pool {{
    start_servers = 1
    max_servers = 4
    min_spare_servers = 1
    max_spare_servers = 2
}}
modules {{
    digest {{
    }}
    files {{
        usersfile = {folder}/users
    }}
    detail {{
        filename = detail
    }}
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {auth}
    }}
    listen {{
        type = acct
        ipaddr = 127.0.0.1
        port = {acct}
    }}
    authorize {{
        digest
        files
    }}
    authenticate {{
        digest
    }}
    accounting {{
        detail
    }}
    post-auth {{
        {sign}
        Post-Auth-Type REJECT {{
            {sign}
        }}
    }}
}}
"""


#: This version signs answers only when it is told to.
SIGN = "update reply {{ Message-Authenticator := 0x00 }}".format()


class FreeRadius:
    """A server with these users (lines of its file `users`). Use it as a context manager; it dies with us."""

    def __init__(self, folder: Path, users: str, secret: str = SECRET, *, signs: bool = True) -> None:
        self.folder = folder / "freeradius"
        self.folder.mkdir()
        self.auth = free_ports(2)
        self.acct = self.auth + 1
        text = CONFIG.format(
            folder=self.folder, secret=secret, auth=self.auth, acct=self.acct, sign=SIGN if signs else ""
        )
        (self.folder / "radiusd.conf").write_text(text)
        (self.folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
        (self.folder / "users").write_text(users)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            words = ["freeradius", "-f", "-l", "stdout", "-d", str(self.folder)]
            self._process = subprocess.Popen(
                tied(words), cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )  # `detail` is relative: below /dev, where the tests' memory is, it would make no file
        wait_for(lambda: self._is_up() or self._is_dead(), 30, "FreeRADIUS")
        assert not self._is_dead(), self.log()

    def _is_up(self) -> bool:
        return listens(self.auth, SOCK_DGRAM) and listens(self.acct, SOCK_DGRAM)

    def _is_dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def told(self) -> list[dict[str, str]]:
        """What it has written down of accounting, in order."""
        path = self.folder / "detail"
        if not path.exists():
            return []
        parts = path.read_text().strip().split("\n\n")
        return [
            {name: value.strip('"') for name, value in re.findall(r"^\t([\w-]+) = (.*)$", part, re.MULTILINE)}
            for part in parts
        ]
