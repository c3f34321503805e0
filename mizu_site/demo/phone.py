"""A real SIP phone without sound card: Debian's baresip, told what to do through its control socket.

It speaks a tone from a file, and writes what it hears to another one. Used by the demonstration and by the flow tests.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mizu_site.demo import sound
from mizu_site.run.child import tied
from mizu_site.run.place import Fault

START_SECONDS = 10.0
STOP_SECONDS = 3.0
MODULES = "/usr/lib/baresip/modules"
LONGEST_PATH = 94
"""Characters of a folder in which baresip can still name a recording: it keeps 127, and records nothing when it needs more."""
Event = dict[str, Any]

CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
call_max_calls 50
call_local_timeout 120
net_interface {host}
audio_source aufile,{tone}
audio_player aubridge,nowhere
audio_alert aubridge,alert
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {heard}
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control}
"""


def modules() -> str:
    """Where Debian put baresip's modules on this machine."""
    found = next(iter(sorted(Path("/usr/lib").glob("*-linux-gnu*/baresip/modules"))), None)
    return str(found or MODULES)


def account(
    user: str,
    server: str,
    *,
    password: str = "",
    answer: str = "manual",
    seconds: int = 0,
    transport: str = "udp",
) -> str:
    """An account as baresip writes it. `seconds`: how long a registration lasts, 0 for none; `answer`: manual or auto."""
    secret = f";auth_user={user};auth_pass={password}" if password else ""
    way = "" if transport == "udp" else f";transport={transport}"
    return f"<sip:{user}@{server}{way}>{secret};regint={seconds};audio_codecs=PCMU;answermode={answer}"


class Phone:
    """One baresip process. Use it as a context manager; it dies with us."""

    def __init__(
        self, folder: Path, accounts: Iterable[str], *, tone: int, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """`tone`: what it speaks, Hz; `port`: where it listens for SIP, 0 for any. Nothing runs before `start`."""
        self.folder, self.heard = folder, folder / "heard"
        self.tone = tone
        self.host, self.port = host, port
        self.events: list[Event] = []
        self._accounts = list(accounts)
        self._news = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- its life ---------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Run it and connect to it. Raises Fault."""
        if not shutil.which("baresip"):
            raise Fault("The program baresip is missing; install Debian's package of that name.")
        if self.port:
            require_free(self.host, self.port)
        if len(str(self.heard)) > LONGEST_PATH:
            raise Fault(
                f"baresip cannot record in {self.heard}, whose name is too long; choose a shorter folder."
            )
        self.heard.mkdir(parents=True)
        control = self._configure()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                tied(["baresip", "-4", "-f", str(self.folder)], signal="KILL"),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._control = self._connect(control)
        for line in self._accounts:  # only now, so that no event is missed
            self._send("uanew", line)
        threading.Thread(target=self._listen, args=(self._control,), daemon=True).start()

    def _configure(self) -> int:
        """Write its files; the port of its control socket."""
        tone = sound.tone_file(self.folder.parent, self.tone)
        control = free_tcp_port()
        (self.folder / "config").write_text(
            CONFIG.format(host=self.host, port=self.port, tone=tone, heard=self.heard, control=control, modules=modules())
        )  # fmt: skip
        for name in ("accounts", "contacts"):
            (self.folder / name).touch()
        return control

    def _connect(self, port: int) -> socket.socket:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError):
                return socket.create_connection(("127.0.0.1", port), timeout=1)
            time.sleep(0.02)
        self.stop()
        raise Fault(f"The phone did not start; baresip said: {self.last_words()}")

    def last_words(self) -> str:
        """The end of what baresip has printed."""
        lines = (self.folder / "log").read_text(errors="replace").split("\n")
        return " / ".join(line.strip() for line in lines[-6:] if line.strip())

    def stop(self) -> None:
        """End it: politely, so that it unregisters, then by force."""
        if self._control is not None:
            with suppress(OSError):
                self._send("quit", "")
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS if self._control else 0)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._control is not None:
            self._control.close()
        self._process = self._control = None

    # --- what it does -----------------------------------------------------------------------------------------------------------

    def dial(self, uri: str) -> None:
        """Begin a call."""
        self._send("dial", uri)

    def accept(self) -> None:
        """Answer the call that rings."""
        self._send("accept", "")

    def hang_up(self) -> None:
        """End the call, or refuse the one that rings, or cancel the one that was dialled."""
        self._send("hangup", "")

    def _send(self, command: str, words: str) -> None:
        assert self._control is not None, "the phone is not running"
        text = json.dumps({"command": command, "params": words, "token": command})
        self._control.sendall(f"{len(text)}:{text},".encode())

    # --- what it tells ----------------------------------------------------------------------------------------------------------

    def wait(self, kind: str, seconds: float = 10.0, *, count: int = 1) -> Event | None:
        """The `count`th event of this type, such as REGISTER_OK or CALL_ESTABLISHED; None when it does not come in time."""

        def found() -> Event | None:
            of_kind = [event for event in self.events if event.get("type") == kind]
            return of_kind[count - 1] if len(of_kind) >= count else None

        with self._news:
            return self._news.wait_for(found, seconds)

    def forget(self) -> None:
        """From now on `wait` looks only at what comes."""
        with self._news:
            self.events.clear()

    def _listen(self, control: socket.socket) -> None:
        with suppress(OSError, ValueError):
            control.settimeout(None)
            for text in netstrings(control):
                self._note(text)

    def _note(self, text: bytes) -> None:
        event = json.loads(text)
        if event.get("event"):
            with self._news:
                self.events.append(event)
                self._news.notify_all()

    def recording(self) -> Path | None:
        """What it heard in its latest call; whole once the call is over."""
        return max(self.heard.glob("*-dec.wav"), default=None)


def netstrings(stream: socket.socket) -> Iterator[bytes]:
    """The texts of `length:text,` until the other side closes. Raises ValueError, OSError."""
    rest = b""
    while piece := stream.recv(65536):
        rest += piece
        while (colon := rest.find(b":")) > 0 and len(rest) > (end := colon + 1 + int(rest[:colon])):
            yield rest[colon + 1 : end]
            rest = rest[end + 1 :]


def require_free(host: str, port: int) -> None:
    """Raise Fault when somebody listens there already, by UDP or by TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise Fault(
                    f"Port {port} of {host}, where a carrier shall answer, cannot be used: {error.strerror}."
                ) from error


def free_tcp_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
