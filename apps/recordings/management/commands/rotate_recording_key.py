"""Seal recordings with a new key from now on; what older keys have sealed, they go on opening."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.recordings.engine import keys


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.VAR) / keys.FILE
        self.stdout.write(f"{keys.rotate(path).id.hex()} seals from now on. Put {path} into the backup.")
