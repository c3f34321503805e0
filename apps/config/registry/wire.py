"""What our SIP messages say of us, and where they go (guide 4603, 4687, 4834-4902, 9179-9184, 13313-13422)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.checks import host_name
from apps.config.registry.definition import Definition, Words

METHODS = (
    "OPTIONS", "UPDATE", "INFO", "PRACK", "REFER", "NOTIFY", "MESSAGE", "SUBSCRIBE", "PUBLISH",
)  # fmt: skip
EXTENSIONS = ("path", "outbound", "100rel", "timer", "replaces", "join")


def _domain(text: str) -> str:
    return "" if not text else host_name(text)


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "localdomain",
        str,
        "",
        _(
            "The SIP domain of this switch, as From and identity headers name it and callers may; empty: its addresses. One"
            " that DNS knows lets the address change without touching a phone."
        ),
        check=_domain,
    ),
    # Without these nobody can call or register, so they are no choice: INVITE, ACK, CANCEL, BYE, REGISTER.
    Definition(
        "allowlist",
        Words,
        METHODS,
        _("Methods that are taken and told in Allow, beside INVITE, ACK, CANCEL, BYE and REGISTER."),
        choices=METHODS,
    ),
    Definition(
        "supportlist",
        Words,
        EXTENSIONS,
        _("Extensions that are told in Supported; a request that requires another one is refused (420)."),
        choices=EXTENSIONS,
    ),
    Definition(
        "addcontentdispoztion",
        str,
        "no",
        _(
            "Say in Content-Disposition that a session description is one: no, optional (who does not know may ignore it) or required."
        ),
        choices=("no", "optional", "required"),
    ),
    Definition(
        "gmtdiff",
        int,
        0,
        _(
            "Minutes that the Date header (usedateheader) differs from GMT, for phones that show it as it is; others want 0."
        ),
        minimum=-720,
        maximum=840,
    ),
    Definition(
        "propersipcomments",
        bool,
        False,
        _("Refuse calls with our own words for the cause in place of the standard phrase of the status."),
        account=True,
    ),
    Definition(
        "forwardclientaddress",
        bool,
        False,
        _(
            "Tell this account, when it is called, the address that the caller's messages come from (X-Client-Address); never of"
            " callers that hide who they are."
        ),
        account=True,
    ),
    Definition(
        "sipsendtodefport",
        bool,
        False,
        _("Try a carrier that does not answer on its port on the standard one too (5060; TLS 5061)."),
        account=True,
    ),
    Definition(
        "reuseep",
        bool,
        False,
        _(
            "Take calls that come by the very way by which a phone of the account is registered without asking for the password"
            " again; by UDP such a way can be forged."
        ),
        account=True,
    ),
    Definition(
        "idletimeout",
        int,
        7500,
        _(
            "Seconds after which a connection (TCP, TLS, WebSocket) is closed by which nothing has come or gone. Longer than"
            " upperexpiremax, or phones that are seldom called are lost."
        ),
        minimum=60,
        maximum=86_400,
    ),
    # Which address of ours a remote is told (guide 13347-13355, 13398-13422). The guide's third choice, clients in the LAN and
    # trunks outside, is what `both` does: it looks at each remote.
    Definition(
        "offerservicesfor",
        str,
        "both",
        _(
            "Who is served while MIZU_SIP_ADVERTISE names another address than the bound one: both (each remote is told the"
            " address on its side), internet (the advertised one for all), lan (the bound one for all)."
        ),
        choices=("both", "internet", "lan"),
    ),
    Definition(
        "allowlanpeers",
        str,
        "auto",
        _(
            "Whether media may go to private addresses that an SDP names: of parties in the local network (auto, yes), or never,"
            " since all parties are outside (no). For accounts whose nathandling is auto."
        ),
        choices=("auto", "yes", "no"),
        account=True,
    ),
    # The guide's 0 and 1, 2, 3.
    Definition(
        "autodetectlocalip",
        str,
        "yes",
        _(
            "Our address in SIP messages when all addresses are bound: found once (no), or for each remote by the machine's routes"
            " (yes); always: also where MIZU_SIP_ADVERTISE or MIZU_SIP_BIND name one."
        ),
        choices=("no", "yes", "always"),
    ),
    # RFC 4594: signalling is CS5 or AF31 elsewhere; CS3 is what access networks know.
    Definition(
        "sip_dscp",
        int,
        24,
        _(
            "The DSCP of SIP messages over UDP and of connections, for routers that give some traffic way; 0: none."
        ),
        minimum=0,
        maximum=63,
    ),
)
