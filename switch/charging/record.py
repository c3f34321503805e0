"""What a call's lines in the journal make together: the record that is settled."""

from __future__ import annotations

from typing import Any

from switch.call.causes import WORKER_LOST

Line = dict[str, Any]


def merged(up: Line | None, end: Line) -> Line:
    """All that is known: a later line says only what `up` did not say yet, or says it anew."""
    return {**up, **end} if up else end


def lost(up: Line, last_sign: float) -> Line:
    """The record of an answered call whose worker died: it lasted until the worker's last sign of life."""
    return {
        **up,
        "k": "end",
        "ended": max(last_sign, up.get("answered") or 0.0),
        "status": WORKER_LOST.status,
        "q850": WORKER_LOST.q850,
        "cause": WORKER_LOST.name,
        "by": "switch",
        "comment": WORKER_LOST.text,
    }


def moment_of(line: Line) -> float:
    """The time at which the line was written, as far as it says; 0 if it does not."""
    kind = line.get("k")
    value = line.get("at" if kind == "alive" else "answered" if kind == "up" else "ended")
    return float(value) if isinstance(value, int | float) else 0.0
