"""rtpengine, and what needs it: SRTP and transcoding (guide 10328-10360, 10832-10850)."""

from __future__ import annotations

from ipaddress import ip_address

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words


def _node(text: str) -> str:
    place, equals, weight = text.partition("=")
    host, _colon, port = place.rpartition(":")
    try:
        ip_address(host.strip("[]"))
        fits = 0 < int(port) < 65536 and (not equals or 0 < int(weight) <= 1000)
    except ValueError:
        fits = False
    return (
        ""
        if fits
        else f"{text[:60]!r} is no address, port and weight such as 127.0.0.1:22222 or 10.0.0.5:22222=3."
    )


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "media_engine",
        str,
        "auto",
        _(
            "What carries media that goes through the switch: rtpengine where there is one (auto), the worker's own relay, or "
            "rtpengine. What only rtpengine can do goes there in any case."
        ),
        choices=("auto", "relay", "rtpengine"),
        account=True,
    ),
    Definition(
        "rtpengine_nodes",
        Words,
        (),
        _(
            "Where rtpengine listens for commands: address:port, with commas; =N gives one a weight. Empty: the one that this "
            "installation runs itself (./mizu up --with-rtpengine), if it does."
        ),
        check=_node,
    ),
    Definition(
        "srtp",
        str,
        "accept",
        _(
            "SRTP of the account's phones and trunks: refused (off); passed end to end, decoded for carriers (auto) or as it is "
            "(bypass); used when it is offered (accept); offered to it (offer); also refused without (require); refused without "
            "and never decoded (end_to_end)."
        ),
        choices=("off", "auto", "bypass", "accept", "offer", "require", "end_to_end"),
        account=True,
    ),
    Definition(
        "srtp_keys",
        str,
        "sdes",
        _(
            "How SRTP keys are agreed with the account where we offer it: in the SDP (sdes) or in the media (dtls)."
        ),
        choices=("sdes", "dtls"),
        account=True,
    ),
    Definition(
        "def_srtp_alg",
        str,
        "AES_CM_128_HMAC_SHA1_80",
        _("The SRTP algorithm that we offer with keys in the SDP."),
        choices=(
            "AES_CM_128_HMAC_SHA1_80",
            "AES_CM_128_HMAC_SHA1_32",
            "AES_CM_256_HMAC_SHA1_80",
            "AES_CM_256_HMAC_SHA1_32",
        ),
        account=True,
    ),
    Definition(
        "srtp_auth", bool, True, _("Whether the SRTP that we offer authenticates its packets."), account=True
    ),
    Definition(
        "needcodeconversion",
        bool,
        False,
        _(
            "Whether the codecs of convertcodecs are offered to the account although the other party has none of them."
        ),
        account=True,
    ),
    Definition(
        "transcodefallback",
        bool,
        True,
        _(
            "Whether the account, when it refuses a call for its codecs (488, 606), is asked once more with those of convertcodecs, if"
            " rtpengine is there."
        ),
        account=True,
    ),
    Definition(
        "convertcodecs",
        Words,
        ("PCMU", "PCMA", "G729", "GSM", "opus"),
        _("The codecs that may be converted into each other, by name or payload number."),
        account=True,
    ),
    Definition(
        "convertcodecsforced",
        bool,
        False,
        _(
            "Whether an account with needcodeconversion is offered nothing but convertcodecs (of these choosecodecs, if any)."
        ),
        account=True,
    ),
)
