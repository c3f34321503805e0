"""The virtual environment `.venv`: made once from the pinned requirements, made again when they change."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path

from mizu_site.run import packages
from mizu_site.run.place import ROOT, Fault

FOLDER = ROOT / ".venv"
PYTHON = FOLDER / "bin" / "python"
STAMP = FOLDER / "mizu.json"
COMPILED = FOLDER / "compiled"
"""Where Python keeps what it has compiled, ours as well, so that nothing lies about between the sources."""
RUNTIME, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"
CONSTRAINTS = "constraints.txt"


def inside() -> bool:
    return Path(sys.prefix) == FOLDER


def ensure(requirements: str, say: Callable[[str], None]) -> None:
    """Make sure that `.venv` holds these requirements. Two starts at once: the second waits and finds it made."""
    if _is_current(requirements):
        return
    with _locked():
        if not _is_current(requirements):
            _build(requirements, say)


def keep_compiled(environ: MutableMapping[str, str]) -> None:
    """Let every process find our modules compiled, also where the environment asks for none to be written, as images of containers do.

    An instance is a dozen processes, and to compile all of it takes longer than the rest of a start.
    """
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ.setdefault("PYTHONPYCACHEPREFIX", str(COMPILED))


def _is_current(requirements: str) -> bool:
    return PYTHON.exists() and _stamps().get(requirements) == _wanted(requirements)


def _stamps() -> dict[str, str]:
    """Nothing when it was never finished: a half-built environment has no stamp."""
    try:
        stamps: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamps


def _wanted(requirements: str) -> str:
    """A hash of all that decides what is installed: files, Python, and the place (scripts name it)."""
    files = {RUNTIME, requirements, CONSTRAINTS}
    parts = [str(ROOT), _python(), *((ROOT / name).read_text() for name in sorted(files))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _python() -> str:
    """Which Python, and where it lives, as far as installed packages can tell: a correction of Debian's 3.11 asks for nothing new.

    Nor may it, because the package python3-venv may bring one along while we are running by the one before it.
    """
    return f"{sys.base_prefix} {sys.implementation.cache_tag}"


def _build(requirements: str, say: Callable[[str], None]) -> None:
    """1. Start over unless a finished one, by the same Python, is there. 2. Install. 3. Stamp it as finished."""
    stamps = _stamps()
    say(f"Installing Python packages from {requirements} into .venv (about a minute, once)")
    packages.ensure([packages.VENV], say)
    try:
        if not stamps or not PYTHON.exists() or stamps.get("python") != _python():
            stamps = {}
            base = getattr(sys, "_base_executable", sys.executable)  # ours may stand in what is removed now
            shutil.rmtree(FOLDER, ignore_errors=True)
            _run([base, "-m", "venv", str(FOLDER)])
        STAMP.unlink(missing_ok=True)
        # Each module is compiled when it is first imported; most of what packages bring never is.
        _run([str(PYTHON), *["-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-q", "--no-compile"],
              "-c", CONSTRAINTS, "-r", requirements])  # fmt: skip
        finished = stamps | {"python": _python(), requirements: _wanted(requirements)}
        if requirements == DEVELOPMENT:  # it contains the other
            finished[RUNTIME] = _wanted(RUNTIME)
        STAMP.write_text(json.dumps(finished))
    except OSError as error:
        raise Fault(f"The virtual environment {FOLDER} cannot be written: {error.strerror}.") from error


def _run(words: list[str]) -> None:
    done = subprocess.run(
        words,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-8:])
        raise Fault(f"The virtual environment could not be made ({' '.join(words[1:3])}):\n{tail}")


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """The project's directory itself is the lock: it is there before `.venv` is, and leaves no file behind."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
