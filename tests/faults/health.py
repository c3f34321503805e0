"""What the workers say that they hold (SIGUSR1), and whether anything unforeseen stands in their logs."""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import dataclass, field

from tests.instance import Instance
from tests.support import wait_for

STATS = re.compile(r"switch\.service stats (\{.*\})$", re.MULTILINE)
FOREIGN = re.compile(r"Traceback|handling failed|Unhandled|could not be ended")
NOTHING_UP = ("calls", "dialogs", "invites", "lines", "untimed")
Stats = dict[str, int]


def stats(instance: Instance, worker: str) -> Stats:
    """What this worker holds now."""
    path = instance.place.log / f"{worker}.log"
    read = path.stat().st_size
    os.kill(instance.pid(worker), signal.SIGUSR1)

    def told() -> list[str]:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size >= read:  # else a new one was begun
                file.seek(read)
            return STATS.findall(file.read().decode(errors="replace"))

    found: Stats = json.loads(wait_for(told, 10, f"{worker} to say what it holds")[-1])
    return found


def total(instance: Instance) -> Stats:
    """What all workers hold together."""
    each = [stats(instance, name) for name in instance.workers()]
    return {key: sum(one[key] for one in each) for key in each[0]}


@dataclass(slots=True)
class Watch:
    """Remembers how the workers were, to find out whether something has hurt them."""

    instance: Instance
    pids: dict[str, int] = field(init=False)
    read: dict[str, int] = field(init=False)
    failures: int = field(init=False)

    def __post_init__(self) -> None:
        names = self.instance.workers()
        self.pids = {name: self.instance.pid(name) for name in names}
        self.read = {name: len(self.instance.log(name)) for name in names}
        self.failures = total(self.instance)["failures"]

    def unharmed(self, seconds: float = 10) -> None:
        """The same processes, nothing unforeseen in their logs, and no call is left within so many seconds."""
        for name, pid in self.pids.items():
            assert self.instance.pid(name) == pid, f"{name} has died and was started again"
            said = self.instance.log(name)[self.read[name] :]
            bad = FOREIGN.search(said)
            assert not bad, (
                f"{name} met what it had not foreseen:\n{said[max(0, bad.start() - 1500) :][:4000]}"
            )
        assert total(self.instance)["failures"] == self.failures
        try:
            wait_for(lambda: not self._left(), seconds, "everything to be let go", every=1)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._left()}") from None

    def _left(self) -> Stats:
        """What is up, on all workers."""
        now = total(self.instance)
        return {key: now[key] for key in NOTHING_UP if now[key]}
