"""`mizu lint`: everything that can be checked without running it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from mizu_site.run.place import ROOT, Place

STRICT = ("apps/*/engine*", "apps/core/values*", "apps/core/compact.py", "switch", "mizu_site/run")


def main(words: list[str]) -> int:
    """Runs every check, also after one has failed, so that one run tells all. 1 when any fails."""
    del words
    environ = os.environ | Place.read().environment() | {"MIZU_SECRET_KEY": secrets.token_urlsafe(32)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each is a process of its own
        passed = pool.map(lambda check: _passes(check[0], check[1], environ), checks().items())
        failed = [name for name, well in zip(checks(), passed, strict=True) if not well]
    print(f"lint: failed: {', '.join(failed)}" if failed else "lint: all is well", flush=True)
    return 1 if failed else 0


def checks() -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    typed = sorted(str(path.relative_to(ROOT)) for pattern in STRICT for path in ROOT.glob(pattern))
    importlinter = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    return {
        "types": [*python, "mypy", "--strict", *typed],  # takes longest
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "imports": [sys.executable, "-c", importlinter],
        "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
        "django": [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
    }


def _passes(name: str, command: list[str], environ: dict[str, str]) -> bool:
    """Quiet when it passes; what the tool has said when it does not."""
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    said = done.stdout + done.stderr if done.returncode != 0 else ""
    print(f"{name:12} {verdict} ({time.monotonic() - begun:.1f} s)\n{said}", end="", flush=True)
    return done.returncode == 0
