"""A migrated cluster without data, which tests copy: migrating takes longer than all that most test runs do."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mizu_site.run import postgres
from mizu_site.run.child import served
from mizu_site.run.place import ROOT, Fault, Place

FOLDER = Path("/tmp") / f"mizu-migrated-{os.geteuid()}"  # noqa: S108 - not TMPDIR, which every test run has of its own
KEPT = 8
"""Clusters: of the branches that somebody works on at a time."""
MAKING = "half-"
IMPORTED = re.compile(r"^(?:from|import) (apps\.[\w.]+)", re.MULTILINE)


def copy(data: Path) -> None:
    """A copy of the migrated cluster at `data`; it is made first if migrations are not as they were. Raises `Fault`."""
    with _locked():
        source = FOLDER / _hash()
        if not source.exists():
            _make(source)
        os.utime(source)
        _forget_old()
        subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(data)], check=True)


@contextmanager
def _locked() -> Iterator[None]:
    FOLDER.mkdir(mode=0o711, exist_ok=True)
    if FOLDER.lstat().st_uid != os.geteuid() or FOLDER.is_symlink():
        raise Fault(f"{FOLDER} belongs to somebody else; remove it first.")
    FOLDER.chmod(0o711)  # PostgreSQL's user has to pass, whatever the umask said
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hash() -> str:
    """Of all that decides about the tables: PostgreSQL, the packages, migrations and what they take from other files."""
    migrations = sorted(ROOT.glob("apps/*/migrations/*.py"))
    texts = [file.read_text() for file in migrations]
    imported = sorted({name for text in texts for name in IMPORTED.findall(text)})
    others = [(ROOT / name.replace(".", "/")).with_suffix(".py") for name in imported]
    texts += [file.read_text() for file in (ROOT / "constraints.txt", *others) if file.exists()]
    names = [str(file.relative_to(ROOT)) for file in migrations]
    parts = [str(postgres.newest_binaries()), *names, *texts]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _make(here: Path) -> None:
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix=MAKING) as scratch:
        folder = Path(scratch)
        folder.chmod(0o711)
        asked = {"MIZU_VAR": scratch, "DATABASE_URL": "", "REDIS_URL": ""}
        place = Place.read(os.environ | asked)
        postgres.make_socket_folder(place.sockets)
        try:
            cluster = postgres.Cluster(folder / "data", place.sockets, durable=False)
            cluster.create()
            with served(cluster.command(), cluster.answers, folder / "postgres.log"):
                cluster.create_database()
                _migrate(os.environ | place.environment() | {"MIZU_SECRET_KEY": "of nobody"})
            (folder / "data").rename(here)
        finally:
            shutil.rmtree(place.sockets, ignore_errors=True)


def _forget_old() -> None:
    made = [folder for folder in FOLDER.iterdir() if (folder / "PG_VERSION").exists()]
    for old in sorted(made, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        old.rename(FOLDER / f"{MAKING}{old.name}")  # at once: half of one must not look like one
    for half in FOLDER.glob(f"{MAKING}*"):  # also what was killed
        shutil.rmtree(half, ignore_errors=True)


def _migrate(environment: dict[str, str]) -> None:
    words = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Fault(f"The tables cannot be made: {done.stderr.strip()}")
