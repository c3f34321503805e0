"""Codes that phones dial (guide 6306): picking up a call that rings elsewhere, and setting forwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.call.causes import INTERNAL

if TYPE_CHECKING:
    from switch.call.call import Call
    from switch.call.model import Target


def begin(call: Call, target: Target) -> None:
    """Do what the code stands for."""
    call.refuse(INTERNAL, comment=f"no service {target.why}")
