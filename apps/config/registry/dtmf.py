"""DTMF: how digits get from one party to the other, and how ours are timed (guide 1892-1900, 6083-6114)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "convertdtmf",
        str,
        "forward",
        _(
            "The digits that the account gets: as they were sent (forward); RTP events and INFO as sound (inband), or as sound "
            "too (also_inband); all as RTP events (rfc4733) or as INFO (info); as they were sent but INFO, which is kept "
            "(no_info). Conversion leads the media over the worker's relay."
        ),
        choices=("forward", "inband", "also_inband", "rfc4733", "info", "no_info"),
        account=True,
    ),
    Definition(
        "defdtmfpayload",
        int,
        101,
        _("The payload type of RTP events where we offer them and the other party has none."),
        minimum=96,
        maximum=127,
        account=True,
    ),
    Definition(
        "maxdtmfdigit",
        int,
        16,
        _("The highest event that we offer in an SDP: 15 is D, 16 a flash."),
        minimum=11,
        maximum=16,
        account=True,
    ),
    Definition(
        "ivrdtmfmethod",
        str,
        "rfc4733_info",
        _(
            "How the switch itself listens to digits of the account: sound, INFO, RTP events, or several; first: the way by which "
            "the first digit comes is the only one heard."
        ),
        choices=("inband", "info", "inband_info", "rfc4733", "rfc4733_info", "all", "first"),
        account=True,
    ),
    Definition(
        "deftmfsleep",
        int,
        500,
        _("The pause for a blank or a w among digits that we send, ms."),
        minimum=0,
        maximum=10_000,
        account=True,
    ),
    Definition(
        "deftmfdelay",
        int,
        0,
        _("The pause after each digit that we send, ms."),
        minimum=0,
        maximum=5000,
        account=True,
    ),
    Definition(
        "deftmfpackettime",
        int,
        0,
        _("From packet to packet of a digit that we send, ms; 0: 20."),
        minimum=0,
        maximum=60,
        account=True,
    ),
    Definition(
        "deftmfpacketcount",
        int,
        6,
        _("Packets while a digit of ours lasts."),
        minimum=2,
        maximum=100,
        account=True,
    ),
    Definition(
        "deftmfendpacketcount", int, 2, _("Packets that end it."), minimum=1, maximum=10, account=True
    ),
)
