"""Ported numbers in a lane of their own: ten million take minutes to compile, and a changed price cannot wait for them.

The compiler starts `python -m switch ported FOLDER`, goes on with all other parts, and names the new file when it is there. Until
then calls go by the last one, and by what changed number by number since (`parts`).
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

from mizu_site.run.child import tied

logger = logging.getLogger("switch.world.lane")

FOLDER = "lane"
"""Below the snapshot's: nobody tidies up there while a file grows."""
NICENESS = 10


class Lane:
    """The compiler's side: at most one process, and the file that it has made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._made = ""

    @property
    def waiting(self) -> list[int]:
        """What becomes readable when the process is done; none while there is no process."""
        return [self._child.stdout.fileno()] if self._child and self._child.stdout else []

    def start(self) -> None:
        """Compile, unless that is done already."""
        if self._child is None:
            command = [sys.executable, "-m", "switch", "ported", str(self.folder)]
            self._child = subprocess.Popen(tied(command), stdout=subprocess.PIPE)  # noqa: S603 - our own words

    def collect(self) -> bool:
        """Wait for the end of the process; whether it has made a file."""
        assert self._child is not None
        name = self._child.communicate()[0].decode().strip()
        code, self._child = self._child.returncode, None
        if code or not name:
            logger.error(
                "ported numbers were not compiled (exit %s); calls go on by the last good ones", code
            )
            return False
        (self.folder / FOLDER / name).replace(self.folder / name)
        os.utime(self.folder / name)
        self._made = name
        return True

    def take(self) -> str:
        """The name of a file that was made since this was last asked, or nothing."""
        made, self._made = self._made, ""
        return made

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._child is not None:
            self._child.terminate()
            self._child.communicate()
            self._child = None


def main(arguments: list[str]) -> int:
    """Compile ported numbers into the lane of this folder, and print the file's name."""
    os.nice(NICENESS)  # calls come first
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
    import django

    django.setup()
    from switch.world.parts import compiled_ported
    from switch.world.store import Store

    store = Store(Path(arguments[0]) / FOLDER)
    for left in store.folder.iterdir():
        left.unlink()
    name = compiled_ported(store)
    print(name)  # noqa: T201 - for the compiler
    return 0 if name else 1
