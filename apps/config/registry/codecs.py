"""Codecs in offers (guide 1812, 1936-1938, 4612, 8064, 10832-10848). A call that bypasses the switch keeps all of its."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "choosecodecs",
        Words,
        (),
        _(
            "Codecs in order of preference, by name or payload number: the first of them that is offered is the only one that "
            "goes on, beside DTMF. Empty, or none of them offered: all go on."
        ),
        account=True,
    ),
    Definition(
        "codecorder",
        Words,
        (),
        _("Codecs that come first in offers, in this order; all others follow as they were offered."),
        account=True,
    ),
    Definition(
        "cutg711",
        bool,
        False,
        _("Whether G.711 is not offered to the called when the caller can do G.723 or G.729."),
        account=True,
    ),
    Definition("block711", bool, False, _("Whether G.711 is never offered."), account=True),
    Definition(
        "onlyg711",
        bool,
        False,
        _("Whether only G.711 may be offered; the only… settings add up."),
        account=True,
    ),
    Definition("onlyg723", bool, False, _("Whether only G.723 may be offered."), account=True),
    Definition("onlyg729", bool, False, _("Whether only G.729 may be offered."), account=True),
    Definition("onlyg72x", bool, False, _("Whether only G.723 and G.729 may be offered."), account=True),
)
