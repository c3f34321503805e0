"""The private PostgreSQL: made once, reached only through a socket in a directory that only we may enter."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from mizu_site.run.child import database_user, database_user_id, give_to_database_user, tied
from mizu_site.run.place import Fault

BINARIES = Path("/usr/lib/postgresql")
FALLBACK = Path("/var/lib/mizu")
NAME = "mizu"
GONE, RUNNING, ZOMBIE = "gone", "running", "zombie"
# Few, because PostgreSQL's defaults are good: room for the workers' connections, memory for the price tables,
# checkpoints that a busy switch does not feel, and the switch's short statements are never worth compiling.
SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "log_line_prefix": "%p ",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "min_wal_size": "32MB"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One private cluster. `durable=False`: for tests, where a power cut may lose everything."""

    data: Path
    sockets: Path
    durable: bool = True

    def create(self) -> None:
        """Make the cluster if it is not there; a half-made one is thrown away. Raises `Fault`."""
        if (self.data / "PG_VERSION").exists():
            return
        making = self.data.with_name(self.data.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700, parents=True)
        give_to_database_user(making)
        words = [str(newest_binaries() / "initdb"), "-D", str(making), "-U", "postgres", "--auth=trust"]
        words += ["-E", "UTF8", "--locale=C.UTF-8", *([] if self.durable else ["--no-sync"])]
        done = subprocess.run(
            tied(words, user=database_user()),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Fault(f"PostgreSQL's initdb failed in {making}: {done.stderr.strip()}")
        making.rename(self.data)

    def command(self) -> list[str]:
        """What runs it, until SIGINT (its fast and clean shutdown), which it also gets when we die."""
        settings = SETTINGS | ({} if self.durable else THROW_AWAY)
        settings |= {"listen_addresses": "", "unix_socket_directories": str(self.sockets)}
        settings |= {"unix_socket_permissions": "0700"}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        server = self.binaries() / "postgres"
        return tied([str(server), "-D", str(self.data), *options], signal="INT", user=database_user())

    def binaries(self) -> Path:
        """Those of the version that made the data."""
        version = (self.data / "PG_VERSION").read_text().strip()
        folder = BINARIES / version / "bin"
        if not (folder / "postgres").exists():
            raise Fault(
                f"{self.data} was made by PostgreSQL {version}, which is not installed here any more: "
                f"install postgresql-{version}, or move the data with pg_upgrade."
            )
        return folder

    def answers(self) -> bool:
        words = [str(self.binaries() / "pg_isready"), "-q", "-h", str(self.sockets), "-U", "postgres"]
        return subprocess.run(words, check=False).returncode == 0

    def create_database(self) -> None:
        """The empty database of this instance, if it is not there."""
        words = [str(self.binaries() / "psql"), "-h", str(self.sockets), "-U", "postgres", "-d", "postgres"]
        found = subprocess.run(
            [*words, "-Atc", f"select 1 from pg_database where datname = '{NAME}'"],  # noqa: S608
            capture_output=True,
            text=True,
            check=True,
        )
        if not found.stdout.strip():
            subprocess.run([*words, "-qc", f"create database {NAME}"], check=True)

    def wait_for_predecessor(self, seconds: float = 20.0) -> None:
        """When the last supervisor was killed, its server is still writing out: let it finish. Raises `Fault`.

        A server that was killed too may be a zombie until init looks after it. PostgreSQL takes that for a running
        one, so its lock is removed if nobody buries it; the check of the shared memory, which orphaned backends
        would still hold, stays.
        """
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + seconds
        while (state := _state(lock)) != GONE:
            if time.monotonic() > deadline:
                if state == ZOMBIE:
                    lock.unlink(missing_ok=True)
                    return
                raise Fault(f"A PostgreSQL still runs on {self.data}; stop it first.")
            time.sleep(0.05)


def newest_binaries() -> Path:
    found = [p.parent for p in BINARIES.glob("*/bin/initdb")]
    if not found:
        raise Fault(f"PostgreSQL's programs are not in {BINARIES}.")
    return max(found, key=lambda folder: int(folder.parent.name))


def data_folder(var: Path) -> Path:
    """Where the data of this instance are: under `var`, unless PostgreSQL's user cannot get there.

    That is so when root has checked the project out in a directory of its own; a note in `var` then says where.
    """
    here, note = var / "postgres", var / "postgres-is-elsewhere.txt"
    if note.exists():
        return Path(note.read_text().split("\n", 1)[0])
    user = database_user()
    if (here / "PG_VERSION").exists() or user is None or _may_enter(var, user):
        return here
    FALLBACK.mkdir(mode=0o711, parents=True, exist_ok=True)
    there = (
        FALLBACK / f"{var.parent.name}-{secrets.token_hex(6)}"
    )  # new: who removes `var` starts from nothing
    note.write_text(
        f"{there}\nPostgreSQL runs as {user}, who may not enter {var}: its data are kept there.\n"
    )
    return there


def _may_enter(folder: Path, user: str) -> bool:
    words = tied(["test", "-x", str(folder)], user=user)
    return subprocess.run(words, cwd="/", check=False).returncode == 0


def _state(lock: Path) -> str:
    """Whether the server that wrote this lock file runs: GONE, RUNNING or ZOMBIE."""
    try:
        process = Path(f"/proc/{int(lock.read_text().splitlines()[0])}")
        if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return ZOMBIE
        return RUNNING if "postgres" in (process / "cmdline").read_text() else GONE
    except (OSError, ValueError, IndexError):
        return GONE


def make_socket_folder(folder: Path) -> None:
    """A directory that only the database's user (and root) may enter. Raises `Fault` if a stranger made it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {os.geteuid(), database_user_id()}:
        raise Fault(f"{folder} belongs to somebody else; remove it first.")
    give_to_database_user(folder)
    folder.chmod(0o700)
