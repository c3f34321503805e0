"""How a replay of routes goes on: told by the process that decides its calls, or by who stops it. A replay that is over stays as it is."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from apps.pricelists.models import RouteReplay, Stage

OPEN = (Stage.WAITING, Stage.RUNNING)


def start_replay(*, replay: RouteReplay, total: int) -> bool:
    """So many calls will be decided; False: somebody has stopped it, or it was run already."""
    return _move(replay, (Stage.WAITING,), stage=Stage.RUNNING, total=total, done=0)


def note_progress(*, replay: RouteReplay, done: int) -> bool:
    """So many are decided; False: somebody has stopped it."""
    return _move(replay, (Stage.RUNNING,), done=done)


def finish_replay(*, replay: RouteReplay, outcome: dict[str, Any]) -> bool:
    """Keep what came of it."""
    return _move(replay, (Stage.RUNNING,), stage=Stage.DONE, outcome=outcome, finished_at=timezone.now())


def fail_replay(*, replay: RouteReplay, why: str) -> bool:
    """It could not be done."""
    return _move(replay, OPEN, stage=Stage.FAILED, error=why[:500], finished_at=timezone.now())


def stop_replay(*, replay: RouteReplay) -> bool:
    """Decide no more calls; False: it was over already."""
    return _move(replay, OPEN, stage=Stage.STOPPED, finished_at=timezone.now())


def _move(replay: RouteReplay, stages: tuple[Stage, ...], **values: Any) -> bool:
    return bool(RouteReplay.objects.filter(pk=replay.pk, stage__in=stages).update(**values))
