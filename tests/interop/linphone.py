"""Debian's linphone as a phone without sound card: told what to do on its standard input, it speaks and records WAV files."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from mizu_site.demo import sound
from mizu_site.run.child import tied
from tests.support import free_port, wait_for

CONFIG = """\
[sip]
sip_port={port}
sip_tcp_port={tcp}
sip_tls_port=0
use_ipv6=0
guess_hostname=0
contact=<sip:{user}@127.0.0.1>
use_info={info}
use_rfc2833={rfc2833}
default_proxy=0
media_encryption={encryption}
[net]
firewall_policy=0
[rtp]
audio_rtp_port={rtp}
[proxy_0]
reg_proxy=<sip:127.0.0.1:{server};transport={transport}>
reg_identity=sip:{user}@127.0.0.1
reg_expires=120
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
realm=mizu
"""


class Linphone:
    """One linphonec process, registered as a subscriber. Use it as a context manager; it dies with us."""

    def __init__(
        self,
        folder: Path,
        server: int,
        user: str,
        password: str,
        *,
        tone: int,
        transport: str = "udp",
        dtmf: str = "rfc4733",
        encryption: str = "none",
    ) -> None:
        """`server`: port of the switch; `tone`: what it speaks, Hz; `dtmf`: rfc4733, info or inband; `encryption`: none or srtp."""
        self.folder, self.user = folder / f"linphone-{user}", user
        (self.folder / ".local/share/linphone").mkdir(parents=True)  # without its database it does not start
        self.heard = self.folder / "heard.wav"
        self.tone = sound.tone_file(folder, tone)
        (self.folder / "rc").write_text(
            CONFIG.format(
                port=free_port() if transport == "udp" else 0,
                tcp=0 if transport == "udp" else free_port(),
                rtp=free_port(),
                info=int(dtmf == "info"),
                rfc2833=int(dtmf == "rfc4733"),
                encryption=encryption,
                server=server,
                transport=transport,
                user=user,
                password=password,
            )
        )
        self.said = ""
        self._since = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            tied(["linphonec", "-c", str(self.folder / "rc")], signal="KILL"),
            cwd=self.folder,
            env=os.environ | {"HOME": str(self.folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.expect(r"linphonec> ")
        self.do("soundcard use files")
        self.do(f"play {self.tone}")
        self.do(f"record {self.heard}")
        wait_for(self._is_registered, 10, f"{self.user} to be registered\n{self.said[-2000:]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.do("quit")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 4096):
            self.said += data.decode(errors="replace")

    def _is_registered(self) -> bool:
        self.do("status register")
        return bool(re.search(r"registered, identity|registered=1", self.said))

    def do(self, command: str) -> None:
        """Type a command; what is printed from now on is what `expect` looks at."""
        assert self._process.stdin is not None
        self._since = len(self.said)
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()

    def expect(self, pattern: str, seconds: float = 10) -> re.Match[str]:
        """Until this is printed after the last command."""
        try:
            found = wait_for(lambda: re.search(pattern, self.said[self._since :]), seconds)
        except AssertionError:
            raise AssertionError(
                f"linphone {self.user} never said {pattern!r}, but:\n{self.said[-2000:]}"
            ) from None
        assert found
        return found
