"""Any bytes at all (see `targets`): those that once broke a parser, those that reach all of its code, and for some seconds new ones."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .targets import TARGETS

HERE = Path(__file__).parent
CORPUS, CRASHES, TORTURE = HERE / "corpus", HERE / "crashes", HERE / "rfc4475"
SECONDS = 2
"""Per target. A long hunt is `python -m tests.switch.sip.fuzz TARGET -max_total_time=3600 FOLDER`."""


@pytest.mark.parametrize(
    "path", sorted(CRASHES.glob("*/*")), ids=lambda path: f"{path.parent.name}: {path.name}"
)
def test_what_once_broke_a_parser_breaks_it_no_more(path):
    TARGETS[path.parent.name](path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_the_kept_corpus_breaks_nothing(target):
    kept = [*(CORPUS / target).iterdir(), *TORTURE.iterdir()]
    assert len(kept) > 60
    for path in kept:
        TARGETS[target](path.read_bytes())


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine")
@pytest.mark.parametrize("target", TARGETS)
def test_a_short_hunt_for_bytes_that_break_a_parser_finds_none(target, tmp_path):
    found = tmp_path / "found"
    found.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.switch.sip.fuzz", target, f"-max_total_time={SECONDS}", "-timeout=5",
         f"-artifact_prefix={tmp_path}/", found, CORPUS / target, TORTURE],
        cwd=HERE.parents[2], env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    broke = [path.read_bytes() for path in tmp_path.glob("*-*") if path.is_file()]
    assert done.returncode == 0, f"{broke} broke {target}:\n{done.stderr.decode(errors='replace')[-3000:]}"
    assert b" runs in " in done.stderr
