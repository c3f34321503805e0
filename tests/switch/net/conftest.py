"""A worker's network layer on real sockets, and what it told."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.net import Firewall, Flow, Net, NetConfig, Reason, Tables
from switch.sip.stream import BadStream, Framer
from tests.support import free_port
from tests.switch.loop import Loop


class Worker:
    """A `Net` that records what it hears."""

    def __init__(self, loop: Loop, config: NetConfig, **options: Any) -> None:
        self.heard: list[tuple[bytes, Flow]] = []
        self.errors: list[tuple[Flow, Reason]] = []
        self.config = config
        self.net = Net(
            loop.reactor,
            config,
            lambda data, flow: self.heard.append((data, flow)),
            lambda flow, reason: self.errors.append((flow, reason)),
            make_framer=Framer,
            framing_error=BadStream,
            **options,
        )
        self.net.start()

    @property
    def shared(self) -> tuple[str, int]:
        return self.config.binds[0], self.config.shared_port

    @property
    def own(self) -> tuple[str, int]:
        return self.config.binds[0], self.config.own_port


Start = Callable[..., Worker]


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def start(loop: Loop) -> Iterator[Start]:
    """Start workers; keyword arguments of NetConfig and Net may be given."""
    workers: list[Worker] = []
    with tempfile.TemporaryDirectory(prefix="mizu-") as directory:

        def begin(**given: Any) -> Worker:
            options = {
                name: given.pop(name)
                for name in ("worker_of", "spread", "firewall", "make_framer")
                if name in given
            }
            host = given.get("binds", ("127.0.0.1",))[0]
            values: dict[str, Any] = {"worker": 1, "workers": 1, "run_dir": Path(directory) / "run"} | given
            values.setdefault("shared_port", free_port(host))
            values.setdefault("own_port", free_port(host))
            values.setdefault("stop_timeout", 0.3)  # peers of tests do not answer a farewell
            worker = Worker(loop, NetConfig(**values), **options)
            workers.append(worker)
            return worker

        yield begin
        for worker in workers:
            done: list[None] = []
            worker.net.stop().addCallback(done.append)
            loop.until(lambda done=done: done, "the network layer to stop")


@pytest.fixture
def guard() -> Callable[..., Firewall]:
    """A firewall on the real clock."""

    def make(tables: Tables | None = None, **limits: Any) -> Firewall:
        return Firewall(time.monotonic, tables=tables, **limits)

    return make
