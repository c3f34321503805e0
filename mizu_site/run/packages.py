"""System packages: what is needed for what, whether it is there, and how Debian brings it.

Looked for by the files themselves, not by asking the package manager, so that it costs no time.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mizu_site.run.place import Fault, Place

SHARED = "/usr"
"""A directory that whoever installs on this machine can lock."""
LIBRARY_FOLDERS = ("/usr/lib/*-linux-gnu*", "/usr/lib", "/usr/lib64", "/usr/local/lib")


@dataclass(frozen=True, slots=True)
class Package:
    """A Debian package, why it is needed, and the test that it (or the same from elsewhere) is there."""

    name: str
    why: str
    present: Callable[[], bool]


def _program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name) is not None


def _library(name: str) -> Callable[[], bool]:
    return lambda: any(True for folder in LIBRARY_FOLDERS for _ in Path("/").glob(f"{folder[1:]}/{name}"))


def _file(path: str) -> Callable[[], bool]:
    return lambda: any(True for _ in Path("/").glob(path.lstrip("/")))


VENV = Package(
    "python3-venv", "makes the virtual environment", lambda: importlib.util.find_spec("ensurepip") is not None
)
POSTGRESQL = Package("postgresql", "the system of record", _file("/usr/lib/postgresql/*/bin/postgres"))
REDIS = Package("redis-server", "job queue, live calls, registrations", _program("redis-server"))
PDF = (
    Package("libpango-1.0-0", "sets the text of invoices", _library("libpango-1.0.so.0")),
    Package("libpangoft2-1.0-0", "sets the text of invoices", _library("libpangoft2-1.0.so.0")),
    Package(
        "libharfbuzz-subset0", "puts only the used letters into a PDF", _library("libharfbuzz-subset.so.0")
    ),
    Package(
        "fonts-dejavu-core",
        "a font with the letters of all Europe",
        _file("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
    ),
)
RTPENGINE = Package("rtpengine-daemon", "carries media: SRTP, transcoding, many calls", _program("rtpengine"))
DEMO = (Package("baresip", "the phones of the demonstration", _program("baresip")),)
TEST = (
    Package("sip-tester", "SIPp: carriers and load of the tests", _program("sipp")),
    *DEMO,
    RTPENGINE,
    Package(
        "chromium-headless-shell", "opens the pages as a person would", _program("chromium-headless-shell")
    ),
    Package("linphone-cli", "a second kind of phone", _program("linphonec")),
    Package(
        "kamailio",
        "a carrier's registrar, and the proxy that operators put in front of a switch",
        _program("kamailio"),
    ),
    Package("freeradius", "a RADIUS server that decides about logins and calls", _program("freeradius")),
    Package("slapd", "a directory whose passwords let staff in", _file("/usr/sbin/slapd")),
    Package("sipsak", "probes a switch as operators do", _program("sipsak")),
    Package(
        "debootstrap", "brings Asterisk, which Debian 12 has not, into a folder", _program("debootstrap")
    ),
    Package("poppler-utils", "reads invoices back", _program("pdftotext")),
)


def runtime(place: Place) -> tuple[Package, ...]:
    """What this instance needs to run; a database that is somewhere else needs no server here."""
    servers = [POSTGRESQL] * place.private_postgres + [REDIS] * place.private_redis
    media = [RTPENGINE] if place.asked.rtpengine else []
    return (*servers, *media, *PDF)


def ensure(packages: Iterable[Package], say: Callable[[str], None]) -> None:
    """Install what is missing (as root on Debian), or raise `Fault` with the line that would.

    Two starts at once: the second waits and finds it installed, because apt refuses to run twice.
    """
    wanted = list(dict.fromkeys(packages))
    if all(p.present() for p in wanted):
        return
    with _locked():
        if missing := [p for p in wanted if not p.present()]:
            _install(missing, say)


def _install(missing: list[Package], say: Callable[[str], None]) -> None:
    names = " ".join(p.name for p in missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Fault(
            f"System packages are missing ({names}); install them as root with: "
            f"apt-get install -y --no-install-recommends {names}"
        )
    say(f"Installing system packages: {names}")
    with _no_services_started():
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", *names.split())
    if still := [p.name for p in missing if not p.present()]:
        raise Fault(f"apt-get installed {names}, but {', '.join(still)} cannot be found afterwards.")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    handle = os.open(SHARED, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _apt(*words: str) -> None:
    """Raises `Fault` with apt's own last lines."""
    done = subprocess.run(
        ["apt-get", "-q", *words],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-8:])
        raise Fault(f"apt-get {' '.join(words)} failed:\n{tail}")


@contextlib.contextmanager
def _no_services_started() -> Iterator[None]:
    """Keep the packages from creating a cluster and starting servers of their own, which nobody would use."""
    ours = {
        Path("/etc/postgresql-common/createcluster.d/mizu.conf"): ("create_main_cluster = false\n", 0o644),
        Path("/usr/sbin/policy-rc.d"): ("#!/bin/sh\nexit 101\n", 0o755),
    }
    written = [path for path in ours if not path.exists()]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(ours[path][0])
        path.chmod(ours[path][1])
    try:
        yield
    finally:
        for path in written:
            path.unlink(missing_ok=True)
