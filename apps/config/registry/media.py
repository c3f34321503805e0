"""RTP: relay, codecs, recording (guide 4874-4875)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "rtp_start_timeout_seconds",
        int,
        30,
        _("A relayed call that has had no sound at all since its answer is ended; 0: never."),
        minimum=0,
        maximum=3600,
        account=True,
    ),
    Definition(
        "rtp_timeout_seconds",
        int,
        60,
        _("A relayed call from which all sound has stopped is ended; 0: never."),
        minimum=0,
        maximum=3600,
        account=True,
    ),
)
