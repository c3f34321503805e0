"""Why somebody heard nothing: what the record of a call tells an operator who is asked (guide 9732-9733)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.cdrs.models import Cdr

DIRECT, OWN = "direct", "relay"


def findings(cdr: Cdr) -> list[str]:
    """Sentences about an answered call, each with what to look at next; none where both parties sent sound through the switch."""
    if cdr.answered_at is None:
        return []
    if cdr.media in {"", DIRECT}:
        return [
            _(
                "The sound went between the parties, so nothing is known of it. Where they cannot hear each other, lead it"
                " through the switch: routertpcaller of the caller or routertpcalled of the called account = always."
            )
        ]
    if not (cdr.rtp_sent or cdr.rtp_received):
        return [*_kept_out(cdr), _neither(cdr)]
    silent = [
        name
        for name, packets in ((_("caller"), cdr.rtp_sent), (_("called"), cdr.rtp_received))
        if not packets
    ]
    return [*_kept_out(cdr), *(_one(name) for name in silent)]


def _neither(cdr: Cdr) -> str:
    ports = "MIZU_RTP_PORTS" if cdr.media == OWN else "MIZU_RTPENGINE_PORTS"
    return (
        _(
            "No sound reached the switch from either party. A firewall may keep UDP to the ports of %s out, or the parties were told an"
            " address of ours that they cannot reach: MIZU_SIP_ADVERTISE, offerservicesfor, nataddrtype."
        )
        % ports
    )


def _one(name: str) -> str:
    return (
        _(
            "No sound came from the %s. Its firewall or NAT keeps it, or it sends to the other party past the switch: natdetected,"
            " nathandling, rtpwritefirst and rtpsendonlytorec of its account."
        )
        % name
    )


def _kept_out(cdr: Cdr) -> list[str]:
    """Packets that came from where the relay does not believe the party to be."""
    quality = cdr.quality or {}
    named = (("caller", _("caller")), ("called", _("called")))
    return [
        _(
            "%(count)s packets for the %(name)s's port came from another address than it named and were dropped: checkrtpaddr of its"
            " account."
        )
        % {"count": strays, "name": name}
        for key, name in named
        if (strays := quality.get(key, {}).get("strays", 0))
    ]
