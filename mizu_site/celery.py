"""Celery: whatever may wait. The settings whose names begin with CELERY_ stand in `mizu_site.settings`."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import worker_ready, worker_shutdown

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mizu_site.settings")
# At each start it would have Django check everything, for which all pages are loaded: `mizu lint` does that, once.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

# It advises against running as root, where a stranger's pickled job could do harm: we take JSON only.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("mizu")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _mark() -> Path:
    from django.conf import settings

    return Path(settings.VAR) / "run" / "celery.ready"


@worker_ready.connect
def tell_that_the_worker_takes_jobs(**_: Any) -> None:
    """The supervisor waits for this file; it holds the process id, so that an old one deceives nobody."""
    mark = _mark()
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(str(os.getpid()))


@worker_shutdown.connect
def tell_that_the_worker_stops(**_: Any) -> None:
    _mark().unlink(missing_ok=True)
