"""`mizu up`, in front of a terminal or detached from it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import TextIO

from mizu_site.run import checks
from mizu_site.run.logs import LogStream
from mizu_site.run.place import ROOT, Fault, Place
from mizu_site.run.prepare import LOGINS
from mizu_site.run.supervisor import Supervisor


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="mizu up", description="Run Mizu until Ctrl-C.")
    parser.add_argument(
        "--detach", action="store_true", help="return when everything answers; `mizu down` stops it"
    )
    parser.add_argument(
        "--with-rtpengine", action="store_true", help="run an rtpengine too, and lead media through it"
    )
    parser.add_argument("--tell", type=int, metavar="FD", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    place = Place.read()
    if options.detach:
        return _detached(place)
    if options.tell is not None:
        return _told(place, options.tell)
    _supervise(place, sys.stdout, lambda: print(announcement(place), flush=True))
    return 0


def _supervise(place: Place, terminal: TextIO | None, ready: Callable[[], None]) -> None:
    checks.directory(place)
    handle = checks.lock(place)
    log = LogStream(place.log, terminal)
    try:
        asyncio.run(_run(place, log, ready))
    finally:
        log.close()
        os.close(handle)


async def _run(place: Place, log: LogStream, ready: Callable[[], None]) -> None:
    await Supervisor(place, log, ready).run()


def _detached(place: Place) -> int:
    """Start ourselves again in a session of its own, and wait for its word through a pipe."""
    checks.directory(place)
    listening, telling = os.pipe()
    with (place.log / "supervisor.log").open("w") as output:
        subprocess.Popen(
            [sys.executable, "-m", "mizu_site.run", "up", "--tell", str(telling)],
            cwd=ROOT,
            env=os.environ | {"MIZU_VAR": str(place.var)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(telling,),
            start_new_session=True,
        )
    os.close(telling)
    with os.fdopen(listening) as pipe:
        said = pipe.readline()
    if not said:
        raise Fault(f"The supervisor ended without a word:\n{(place.log / 'supervisor.log').read_text()}")
    if fault := json.loads(said)["fault"]:
        raise Fault(fault)
    print(announcement(place))
    return 0


def _told(place: Place, handle: int) -> int:
    """We are the detached one: say once, through the pipe, that all is ready or what is wrong."""
    os.set_inheritable(handle, False)
    with os.fdopen(handle, "w") as pipe:

        def tell(fault: str | None = None) -> None:
            pipe.write(json.dumps({"fault": fault}) + "\n")
            pipe.close()

        try:
            _supervise(place, None, tell)
        except Fault as fault:
            if not pipe.closed:
                tell(str(fault))
            return 1
    return 0


def announcement(place: Place) -> str:
    """Addresses, logins and the next command to try."""
    host, port = place.sip_address
    lines = [
        "",
        "Mizu is ready.",
        f"  web      {place.url}",
        f"  admin    {place.url}admin/",
        f"  API      {place.url}api/docs/",
        f"  SIP      {host}:{port} (UDP and TCP)",
        f"  state    {place.var}",
        "",
        *_logins(place),
        "Try next:  " + ("docs/first-steps.md" if os.environ.get("MIZU_DEMO") == "0" else "./mizu demo"),
        "",
    ]
    return "\n".join(lines)


def _logins(place: Place) -> list[str]:
    try:
        found = json.loads((place.var / LOGINS).read_text())
    except (OSError, ValueError):
        return []
    rows = [f"  {one['what']:24} {one['username']:14} {one['password']:20} {one['url']}" for one in found]
    return [f"Logins (kept in {place.var / LOGINS}):", *rows, ""]
