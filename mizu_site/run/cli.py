"""The command `mizu`: which words it knows, what each needs on the machine, and who does the work.

Standard library only, because it runs before the virtual environment exists; the doers are imported late.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from mizu_site.run import interpreter, packages, venv
from mizu_site.run.place import ROOT, Fault, Place


@dataclass(frozen=True, slots=True)
class Command:
    """One word of the command line.

    doer: `module:function`, called with the remaining words; it returns the exit code.
    needs: system packages; requirements: what the virtual environment must hold (None: no environment).
    """

    usage: str
    help: str
    doer: str
    needs: Callable[[Place], tuple[packages.Package, ...]]
    requirements: str | None


def _nothing(_: Place) -> tuple[packages.Package, ...]:
    return ()


def _demo(place: Place) -> tuple[packages.Package, ...]:
    return (*packages.runtime(place), *packages.DEMO)


def _everything(_: Place) -> tuple[packages.Package, ...]:
    return (packages.POSTGRESQL, packages.REDIS, *packages.PDF, *packages.TEST)


RUN = "mizu_site.run"
COMMANDS = {
    "up": Command("up [--detach] [--with-rtpengine]", "install what is missing, start everything, run until Ctrl-C",
                  f"{RUN}.up:main", packages.runtime, venv.RUNTIME),
    "down": Command("down", "stop what `up --detach` has started", f"{RUN}.control:down", _nothing, None),
    "status": Command("status", "which processes run, and since when", f"{RUN}.control:status", _nothing, None),
    "logs": Command("logs [-f] [NAME]", "what the processes have printed", f"{RUN}.control:logs", _nothing, None),
    "demo": Command("demo", "make real calls through the running system and show what becomes of them",
                    "mizu_site.demo:main", _demo, venv.RUNTIME),
    "token": Command("token USERNAME", "print an API token of this account",
                     f"{RUN}.manage:token", packages.runtime, venv.RUNTIME),
    "manage": Command("manage COMMAND ...", "manage.py in the environment of this instance",
                      f"{RUN}.manage:main", packages.runtime, venv.RUNTIME),
    "test": Command("test [--requirements] [PYTEST ARGUMENTS]",
                    "run all tests, or those named; --requirements counts the proved rows",
                    f"{RUN}.testing:main", _everything, venv.DEVELOPMENT),
    "lint": Command("lint", "style, imports, types, migrations", f"{RUN}.linting:main", _nothing, venv.DEVELOPMENT),
    "bench": Command("bench all|calls|register|rtp|core|engines|rating|sippy|asterisk|soak ...", "how fast it is on this machine",
                     f"{RUN}.bench:main", _everything, venv.DEVELOPMENT),
}  # fmt: skip
VARIABLES = """\
  MIZU_VAR             where the state is kept       (var)
  MIZU_HTTP_PORT       web, on 127.0.0.1             (8000)
  MIZU_SIP_BIND        IPv4, IPv6 or both, by comma  (127.0.0.1)
  MIZU_SIP_PORT        UDP and TCP                   (5060)
  MIZU_SIP_TLS_PORT    SIP over TLS, 0: none         (MIZU_SIP_PORT + 1, once there is a certificate)
  MIZU_SIP_WS_PORT     SIP over WebSocket, 0: none   (0)
  MIZU_SIP_WSS_PORT    the same over TLS, 0: none    (0)
  MIZU_SIP_ADVERTISE   addresses behind a NAT        (those of MIZU_SIP_BIND)
  MIZU_SIP_WORKER_PORTS  first of the workers' own   (every 1013th after MIZU_SIP_PORT)
  MIZU_SWITCH_WORKERS  processes that carry calls    (2)
  MIZU_RTP_PORTS       UDP, for media                (20000-20999)
  MIZU_RTPENGINE       port for commands of an rtpengine of its own (none; 22222 with --with-rtpengine)
  MIZU_RTPENGINE_PORTS UDP, for its media            (24000-27999)
  MIZU_DEMO            0: the first start makes no demo data, only an administrator
  DATABASE_URL         a PostgreSQL of your own      (a private one is started)
  REDIS_URL            a Redis of your own           (a private one is started)"""


WITH_RTPENGINE = "--with-rtpengine"


def main(words: list[str]) -> int:
    """Prepare the machine for this command, go into the virtual environment, and do it."""
    return _guarded(words, prepare=True)


def within(words: list[str]) -> int:
    """Do it in the environment that we are in: for the tests and for the supervisor's own starts."""
    return _guarded(words, prepare=False)


def _guarded(words: list[str], *, prepare: bool) -> int:
    if not words or words[0] in {"-h", "--help", "help"}:
        print(usage())
        return 0
    if words[0] not in COMMANDS:
        print(f"mizu: there is no command {words[0]!r}; ./mizu --help lists them.", file=sys.stderr)
        return 2
    command = COMMANDS[words[0]]
    if WITH_RTPENGINE in words:
        os.environ.setdefault(
            "MIZU_RTPENGINE", "22222"
        )  # the packages have to be known before the words are read
    try:
        if prepare:
            _prepare(command, words)
        return _do(command, words[1:])
    except Fault as fault:
        print(f"mizu: {fault}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _prepare(command: Command, words: list[str]) -> None:
    """Bring packages and virtual environment; does not return when it has to go into the latter."""
    if command.requirements is not None and not venv.inside() and (python := interpreter.better()):
        os.execv(python, [python, str(ROOT / "mizu"), *words])  # noqa: S606
    packages.ensure(command.needs(Place.read()), _say)
    if command.requirements is None:
        return
    venv.ensure(command.requirements, _say)
    if not venv.inside():
        venv.keep_compiled(os.environ)
        os.execv(venv.PYTHON, [str(venv.PYTHON), str(ROOT / "mizu"), *words])  # noqa: S606


def _do(command: Command, words: list[str]) -> int:
    module, _, function = command.doer.partition(":")
    doer: Callable[[list[str]], int | None] = getattr(importlib.import_module(module), function)
    return doer(words) or 0


def usage() -> str:
    width = max(len(c.usage) for c in COMMANDS.values()) + 2
    lines = [f"  {c.usage:{width}}{c.help}" for c in COMMANDS.values()]
    return "\n".join(
        ["Mizu, the open carrier suite.", "", "./mizu COMMAND, where COMMAND is", *lines,
         "", "Two instances with different values of these run side by side:", VARIABLES]
    )  # fmt: skip


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
