"""`manage.py seed_demo`: demo data, or with --empty an administrator alone, once; and the file with the logins."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from mizu_site import demo_data


class Command(BaseCommand):
    """Does nothing when there are accounts already."""

    help = (
        "Make demo accounts, prices and routes once; their logins go to logins.json in the state directory."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--empty", action="store_true", help="make nothing but an administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        made = demo_data.administrator if options["empty"] else demo_data.make
        with transaction.atomic():
            if demo_data.exists():
                self.stdout.write("There are accounts already; no demo data was made.")
                return
            path = Path(settings.VAR) / "logins.json"
            write_secretly(path, json.dumps(made(settings.ENVIRONMENT), indent=1))
        what = "An administrator was" if options["empty"] else "Demo data"
        self.stdout.write(f"{what} made; the logins are in {path}.")


def write_secretly(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(f".{os.getpid()}.part")
    with open(half, "w", opener=lambda name, flags: os.open(name, flags | os.O_EXCL, 0o600)) as stream:
        stream.write(text)
    half.replace(path)
