"""The recordings of a call, on pages of those who know nothing of recordings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import template

from apps.recordings.queries import may_listen, recordings_of

register = template.Library()


@register.inclusion_tag("recordings/of_call.html", takes_context=True)
def recordings(context: dict[str, Any], call_id: UUID) -> dict[str, Any]:
    """Players and files, for those who may hear them; for those who may only know of them, that they are there."""
    user = context["request"].user
    return {
        "recordings": recordings_of(call_id, user),
        "may_listen": may_listen(user),
        "staff": user.is_staff,
        "request": context["request"],
    }
