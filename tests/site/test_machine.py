"""System packages and the virtual environment."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

import pytest

from mizu_site.run import interpreter, packages, venv
from mizu_site.run.packages import Package
from mizu_site.run.place import Fault, Place

ABSENT = Package("no-such-package", "nothing needs it", lambda: False)


def test_an_ordinary_user_is_told_the_line_that_installs_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Fault, match=r"apt-get install -y --no-install-recommends no-such-package$"):
        packages.ensure([ABSENT], print)


def test_two_starts_at_once_install_once(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    said: list[str] = []
    late = Package("late", "comes by the first start", lambda: bool(installed))

    def apt(*words: str) -> None:
        time.sleep(0.05)  # long enough for the other to look, too
        installed.extend(words[-1:] if "install" in words else ())

    monkeypatch.setattr(packages, "_apt", apt)
    monkeypatch.setattr(packages, "_no_services_started", contextlib.nullcontext)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    starts = [threading.Thread(target=packages.ensure, args=([late], said.append)) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert (installed, len(said)) == (["late"], 1)


def test_nothing_is_said_when_all_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    packages.ensure([packages.POSTGRESQL, packages.REDIS, *packages.PDF, *packages.TEST], print)
    assert capsys.readouterr().out == ""


def test_a_server_that_is_elsewhere_is_not_needed_here(tmp_path: Path) -> None:
    own = packages.runtime(Place.read({"MIZU_VAR": str(tmp_path)}))
    foreign = packages.runtime(Place.read({"DATABASE_URL": "postgres://db/x", "REDIS_URL": "redis://r/0"}))
    assert {p.name for p in own} - {p.name for p in foreign} == {"postgresql", "redis-server"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without requirements, so that nothing has to be fetched."""
    for name in (venv.RUNTIME, venv.DEVELOPMENT, venv.CONSTRAINTS):
        (tmp_path / name).write_text("# nothing\n")
    folder = tmp_path / ".venv"
    for name, value in {
        "ROOT": tmp_path,
        "FOLDER": folder,
        "PYTHON": folder / "bin" / "python",
        "STAMP": folder / "mizu.json",
    }.items():
        monkeypatch.setattr(venv, name, value)
    return tmp_path


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Python makes of `python -m venv`, which takes it some seconds."""
    folder = tmp_path_factory.mktemp("made") / ".venv"
    venv._run([sys.executable, "-m", "venv", str(folder)])
    return folder


@pytest.fixture
def quick(project: Path, made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, where Python's own part of the work is copied from what it made before; all else is as ever."""
    run = venv._run

    def quickly(words: list[str]) -> None:
        if words[1:3] == ["-m", "venv"]:
            shutil.copytree(made_once, words[3], symlinks=True)
        else:
            run(words)

    monkeypatch.setattr(venv, "_run", quickly)
    return project


def test_two_starts_at_once_make_one_environment(project: Path) -> None:
    said: list[str] = []
    starts = [threading.Thread(target=venv.ensure, args=(venv.RUNTIME, said.append)) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(said) == 1
    assert venv.PYTHON.exists()
    assert set(json.loads(venv.STAMP.read_text())) == {"python", venv.RUNTIME}


def test_it_is_made_again_when_it_was_left_half_built(quick: Path) -> None:
    rest = quick / ".venv" / "lib" / "half"
    rest.mkdir(parents=True)
    venv.ensure(venv.RUNTIME, print)
    assert venv.PYTHON.exists()
    assert not rest.exists()


def test_it_is_completed_when_the_requirements_change(quick: Path) -> None:
    said: list[str] = []
    venv.ensure(venv.DEVELOPMENT, said.append)
    venv.ensure(venv.RUNTIME, said.append)
    assert len(said) == 1, "the development requirements contain the others"
    (quick / venv.CONSTRAINTS).write_text("# changed\n")
    venv.ensure(venv.RUNTIME, said.append)
    assert len(said) == 2


def test_a_package_that_cannot_be_had_is_one_sentence_and_no_stamp(quick: Path) -> None:
    (quick / venv.RUNTIME).write_text("./nowhere\n")
    with pytest.raises(Fault, match="could not be made"):
        venv.ensure(venv.RUNTIME, print)
    assert not venv.STAMP.exists()


def test_a_correction_of_python_does_not_make_it_again(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package python3-venv may itself bring a corrected Python, after ours has begun to run."""
    said: list[str] = []
    venv.ensure(venv.RUNTIME, said.append)
    monkeypatch.setattr(sys, "version", "3.11.2 (main, another day) [GCC 12.2.0]")
    venv.ensure(venv.RUNTIME, said.append)
    assert len(said) == 1


def _python(folder: Path, *, good: bool) -> Path:
    """A distribution's Python: ours under another name, or one that is not fit."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n' if good else "#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("lives", "built_with", "good", "leaves"),
    [
        ("/opt/pythons/3.11", "'--enable-shared'", True, True),
        ("/opt/pythons/3.11", "'--enable-shared'", False, False),
        ("/opt/pythons/3.11", "'--enable-optimizations' '--with-lto'", True, False),
        ("/usr", "'--enable-shared'", True, False),
    ],
    ids=[
        "a slow one goes",
        "but not to one that is not fit",
        "a quick one stays",
        "the distribution's stays",
    ],
)
def test_a_python_that_was_built_without_optimisation_gives_way_to_the_distributions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lives: str, built_with: str, good: bool, leaves: bool
) -> None:
    distribution = _python(tmp_path, good=good)
    monkeypatch.setattr(sys, "base_prefix", lives)
    monkeypatch.setattr(sysconfig, "get_config_var", {"CONFIG_ARGS": built_with}.get)
    assert interpreter.better(distribution) == (str(distribution) if leaves else None)


def test_without_a_distribution_the_python_that_there_is_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/opt/pythons/3.11")
    monkeypatch.setattr(sysconfig, "get_config_var", {"CONFIG_ARGS": ""}.get)
    assert interpreter.better(tmp_path / "python3") is None


@pytest.mark.parametrize("asked", [{}, {"PYTHONDONTWRITEBYTECODE": "1"}], ids=["by itself", "asked not to"])
def test_modules_are_compiled_once_and_not_beside_their_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    monkeypatch.setattr(venv, "COMPILED", tmp_path / "compiled")
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "ours.py").write_text("print(__cached__)\n")
    environ = {**asked, "PATH": os.environ["PATH"]}
    venv.keep_compiled(environ)
    said = subprocess.run(
        [sys.executable, "-c", "import ours"],
        cwd=sources,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kept = Path(said.strip())
    assert kept.is_file()
    assert kept.is_relative_to(tmp_path / "compiled")
    assert [one.name for one in sources.iterdir()] == ["ours.py"]
