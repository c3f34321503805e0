"""Whether a carrier is there, by the answers to our OPTIONS: it takes several of a kind to change the opinion."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Health:
    """What is held of a carrier. `since`: epoch seconds of the last change; `streak`: results that speak against it."""

    up: bool = True
    since: float = 0.0
    streak: int = 0
    detail: str = ""


def heard(
    health: Health, *, answered: bool, detail: str, now: float, failures: int, successes: int
) -> Health:
    """The opinion after one more question: down after so many failures one after the other, up after so many answers.

    Nothing is known at the beginning: a carrier counts as up, so that none is lost because the switch was started.
    """
    if answered == health.up:
        return replace(health, streak=0, detail=detail, since=health.since or now)
    streak = health.streak + 1
    if streak < (failures if health.up else successes):
        return replace(health, streak=streak, detail=detail, since=health.since or now)
    return Health(answered, now, 0, detail)
