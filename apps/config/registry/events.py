"""Who is told what of whom: lamps, presence, waiting messages (guide 4847, 4870, 4893)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "eventlist",
        Words,
        ("dialog", "presence", "message-summary"),
        _("What phones may subscribe to: dialog (busy lamps), presence, message-summary (waiting messages)."),
        choices=("dialog", "presence", "message-summary"),
    ),
    Definition(
        "routepresence",
        str,
        "tree",
        _(
            "Who may watch the calls and the presence of an account: off (nobody else), tree (who has the same reseller),"
            " all (every account)."
        ),
        choices=("off", "tree", "all"),
        account=True,
    ),
    Definition(
        "maxstatchangepermin",
        int,
        60,
        _(
            "Changes of an account that a watcher is told of per minute at most; those between are passed over."
        ),
        minimum=1,
        maximum=600,
        account=True,
    ),
)
