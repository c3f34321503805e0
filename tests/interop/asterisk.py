"""Asterisk from Debian's unstable release, installed into a folder of its own, because Debian 12 has none.

It is unpacked once per machine (about a minute), which is enough to run it; where that cannot be done the tests are skipped
and say why.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from mizu_site.run.child import tied
from mizu_site.run.place import ROOT as PROJECT
from tests.support import free_ports, wait_for

ROOT = Path("/var/cache/mizu-tests/asterisk")
PATIENCE = 420
PACKAGES = "asterisk"
FILES = {
    "asterisk.conf": """\
[directories]
astetcdir => {here}
astmoddir => /usr/lib/{machine}/asterisk/modules
astvarlibdir => /usr/share/asterisk
astdbdir => {here}
astdatadir => /usr/share/asterisk
astspooldir => {here}/spool
astrundir => {here}
astlogdir => {here}
[options]
nocolor = yes
maxfiles = 65536
""",
    "modules.conf": """\
[modules]
autoload = no
load = res_sorcery_config.so
load = res_sorcery_memory.so
load = res_sorcery_astdb.so
load = res_timing_timerfd.so
load = res_pjproject.so
load = res_statsd.so
load = res_geolocation.so
load = res_pjsip.so
load = res_pjsip_pubsub.so
load = res_pjsip_session.so
load = res_pjsip_caller_id.so
load = res_pjsip_endpoint_identifier_ip.so
load = res_pjsip_endpoint_identifier_anonymous.so
load = res_pjsip_endpoint_identifier_user.so
load = res_pjsip_dtmf_info.so
load = res_pjsip_rfc3326.so
load = res_pjsip_sdp_rtp.so
load = res_rtp_asterisk.so
load = chan_pjsip.so
load = bridge_simple.so
load = bridge_native_rtp.so
load = codec_ulaw.so
load = codec_alaw.so
load = pbx_config.so
load = app_milliwatt.so
load = res_clioriginate.so
load = app_dial.so
load = app_playtones.so
load = func_callerid.so
load = func_channel.so
""",
    "logger.conf": "[general]\n[logfiles]\nfull => notice,warning,error,verbose\n",
    "rtp.conf": "[general]\nrtpstart={rtp}\nrtpend={rtp_end}\n",
    "pjsip.conf": """\
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{port}

[mizu]
type=endpoint
context=from-mizu
disallow=all
allow=ulaw,alaw
aors=mizu
from_user=442079460000
dtmf_mode=rfc4733
rtp_symmetric=yes

[mizu]
type=aor
contact=sip:127.0.0.1:{switch}

[mizu]
type=identify
endpoint=mizu
match=127.0.0.1
""",
    "extensions.conf": """\
[from-mizu]
exten => _X.,1,Ringing()
 same => n,Answer()
 same => n,Milliwatt(o)
 same => n,Hangup()

[speaking]
exten => s,1,Answer()
 same => n,Milliwatt(o)
""",
}
MILLIWATT = 1000
"""Hertz of the tone that it speaks."""


def begin() -> None:
    """Install it while other tests run; `root_folder` waits for the end of that."""
    if not _is_there():
        subprocess.Popen(
            tied([sys.executable, "-m", __name__]), cwd=PROJECT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def root_folder() -> Path:
    """Where Asterisk is installed; skips the test that asks when it cannot be."""
    if _is_there():
        return ROOT
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("Asterisk is not installed, and only root with debootstrap can do it")
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    with ROOT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_there():
            _install()
    return ROOT


def _is_there() -> bool:
    return (ROOT / "usr/sbin/asterisk").exists()


def _install() -> None:
    unfinished = ROOT.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        done = subprocess.run(
            ["debootstrap", "--foreign", "--variant=minbase", f"--include={PACKAGES}", "sid", str(unfinished)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        pytest.skip(f"Asterisk could not be installed within {PATIENCE} seconds")
    if done.returncode != 0:
        pytest.skip(f"Asterisk cannot be installed: {(done.stdout + done.stderr)[-300:]}")
    archives = unfinished / "var/cache/apt/archives"
    for package in archives.glob("*.deb"):  # what --foreign has fetched and not unpacked
        subprocess.run(["dpkg-deb", "-x", str(package), str(unfinished)], check=True)
    shutil.rmtree(archives)
    unfinished.rename(ROOT)


class Asterisk:
    """One process. Use it as a context manager; it dies with us."""

    def __init__(
        self, root: Path, *, port: int, switch: int, files: Mapping[str, str] = FILES, rtp_ports: int = 100
    ) -> None:
        """`port`: where it listens for SIP; `switch`: where it sends its calls; `files`: its configuration."""
        self.root = root
        self.inside = f"/run/mizu-{uuid.uuid4().hex[:8]}"
        self.folder = root / self.inside.lstrip("/")
        machine = next((root / "usr/lib").glob("*-linux-gnu*/asterisk/modules")).parts[-3]
        rtp = free_ports(rtp_ports)
        for name, text in files.items():
            self.folder.mkdir(parents=True, exist_ok=True)
            values = {"here": self.inside, "machine": machine, "port": port, "switch": switch, "rtp": rtp}
            (self.folder / name).write_text(text.format(**values, rtp_end=rtp + rtp_ports - 1))

    def __enter__(self) -> Self:
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                tied(["chroot", str(self.root), "/usr/sbin/asterisk", "-f", "-C", f"{self.inside}/asterisk.conf"],
                     signal="KILL"),
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_for(
            lambda: "Endpoint:  mizu" in self.do("pjsip show endpoint mizu"), 20, f"Asterisk\n{self.log()}"
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        return self._process.pid

    def do(self, command: str) -> str:
        """A command of its console, and what that printed."""
        words = [
            "chroot",
            str(self.root),
            "/usr/sbin/asterisk",
            "-C",
            f"{self.inside}/asterisk.conf",
            "-rx",
            command,
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=False)
        return done.stdout + done.stderr

    def call(self, number: str) -> None:
        """Call this number by way of the switch, and speak a tone once it is answered."""
        self.do(f"channel originate PJSIP/{number}@mizu extension s@speaking")

    def log(self) -> str:
        files = [self.folder / name for name in ("console", "full")]
        return "\n".join(one.read_text(errors="replace")[-1500:] for one in files if one.exists())


if __name__ == "__main__":
    root_folder()
