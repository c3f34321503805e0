"""What an instance consists of: each process with its command line and the proof that it answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from signal import Signals

from mizu_site.run import postgres, probes, redis
from mizu_site.run.child import tied
from mizu_site.run.place import ANY_ADDRESS, Place

SETTLED = 2.0
REDIS_NOISE = "Memory overcommit must be enabled"
"""It matters to a Redis that saves to disk, which ours does not, and not every user may change the kernel's mind."""
WEB_PROCESSES, WEB_THREADS, JOB_PROCESSES = 2, 8, 2


@dataclass(frozen=True, slots=True)
class Service:
    """One process that is kept running.

    answers: given its process id, whether it does its work, asked when it has run for `settle` seconds;
    last: it is stopped after those with a smaller number; noise: lines that contain it are not worth showing.
    """

    name: str
    command: list[str]
    answers: Callable[[int], bool]
    last: int = 0
    stop_signal: Signals = Signals.SIGTERM
    settle: float = 0.0
    noise: str = ""


def stores(place: Place, cluster: postgres.Cluster | None) -> list[Service]:
    """The private servers, which everything else stands on."""
    found = []
    if place.private_redis:
        words = redis.command(place.redis_socket, place.run)
        found.append(
            Service("redis", words, lambda _: redis.answers(place.redis_socket), last=2, noise=REDIS_NOISE)
        )
    if cluster:
        found.append(
            Service(
                "postgres", cluster.command(), lambda _: cluster.answers(), last=3, stop_signal=Signals.SIGINT
            )
        )
    return found


def programs(place: Place) -> list[Service]:
    """The office and the switch. The writer stops after the workers, so that it can store their last calls."""
    return [
        _web(place),
        _python("celery", "-m celery -q -A mizu_site worker --loglevel INFO --without-gossip --without-mingle "
                f"--concurrency {JOB_PROCESSES} --max-tasks-per-child 200", _mark(place, "celery")),
        _python("beat", "-m celery -q -A mizu_site beat --loglevel INFO --pidfile=", _runs),
        _python("compiler", "-m switch compiler", _mark(place, "compiler"), last=1),
        _python("writer", "-m switch writer", _mark(place, "writer"), last=1),
        *([_rtpengine(place)] if place.asked.rtpengine else []),
        *(_worker(place, number) for number in range(1, place.asked.switch_workers + 1)),
    ]  # fmt: skip


def _web(place: Place) -> Service:
    port = place.asked.http_port
    words = (
        f"-m gunicorn mizu_site.wsgi:application --bind 127.0.0.1:{port} --worker-class gthread "
        f"--workers {WEB_PROCESSES} --threads {WEB_THREADS} --access-logfile - --no-control-socket "
        "--graceful-timeout 8 --preload --config python:mizu_site.run.web"
    )
    return _python("web", words, lambda _: probes.http_answers(port))


def _worker(place: Place, number: int) -> Service:
    name = f"worker-{number}"
    return _python(name, f"-m switch worker {number}", _mark(place, name))


def _rtpengine(place: Place) -> Service:
    """In user space (table -1): no kernel module, no privilege. When a call is silent for too long is for the switch to say."""
    asked = place.asked
    address = "any" if asked.sip_bind in ANY_ADDRESS else asked.sip_bind
    advertised = os.environ.get("MIZU_SIP_ADVERTISE")
    first, last = asked.rtpengine_ports
    words = [
        "rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--log-level=4", "--table=-1",
        f"--interface={address}!{advertised}" if advertised else f"--interface={address}",
        f"--listen-ng=127.0.0.1:{asked.rtpengine}", f"--port-min={first}", f"--port-max={last}",
        "--timeout=86400", "--silent-timeout=86400", "--delete-delay=0", f"--num-threads={os.cpu_count() or 2}",
    ]  # fmt: skip
    return Service("rtpengine", tied(words), lambda _: probes.rtpengine_answers(asked.rtpengine), last=1)


def _mark(place: Place, name: str) -> Callable[[int], bool]:
    return lambda pid: probes.marked_ready(place.run / f"{name}.ready", pid)


def _runs(pid: int) -> bool:
    """For beat, which nobody asks anything: it has settled, so it has read its settings and found its way."""
    return pid > 0


def _python(name: str, words: str, answers: Callable[[int], bool], last: int = 0) -> Service:
    settle = SETTLED if answers is _runs else 0.0
    return Service(name, tied([sys.executable, *words.split()]), answers, last, settle=settle)
