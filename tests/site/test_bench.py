"""Benchmarks that nobody starts for months still run: those that fill tables of their own, on so little that they say nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mizu_site.run.place import ROOT
from tests.instance import OURS

SMALL = {
    "engines": ["--rates", "2000", "--ratings", "2000"],
    "ported": ["--numbers", "2000"],
    "pricelist": ["--rows", "200", "--calls", "100"],
    "rating": ["--calls", "200", "--rates", "50", "--ratings", "2000", "--apply"],
    "routing": ["--rates", "40", "--carriers", "2", "--rules", "4", "--accounts", "5", "--listed", "10", "--ported", "2000", "--calls", "50"],
}  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", SMALL)
def test_it_measures_and_writes_what_it_found(name: str, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    own_servers = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    command = [sys.executable, "-m", "mizu_site.run", "bench", name, *SMALL[name], "--json", str(found)]
    done = subprocess.run(command, cwd=ROOT, env=own_servers, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(found.read_text())
