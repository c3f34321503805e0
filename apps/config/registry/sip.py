"""SIP: authentication, timers, transports (guide 4480-4920, 11528-11529)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.checks import bind_address, denied_address, dns_server, host_name, origin, path
from apps.config.registry.definition import Definition, Words


def _realm(text: str) -> str:
    return "" if text and not set(text) & set('"\\') else "a name without quotes or backslashes is expected."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "sip_realm",
        str,
        "mizu",
        _("The realm of SIP passwords; changing it makes all of them void."),
        "restart",
        check=_realm,
    ),
    Definition(
        "nonce_seconds", int, 300, _("How long a digest challenge is good for."), minimum=10, maximum=3600
    ),
    # MD5 alone by default: many phones in use (all of libre before 2.0, so Debian's baresip) take no challenge at all
    # when one of those offered is SHA-256, although RFC 8760 §2.4 wants them to skip what they do not know.
    Definition(
        "useshadigestauh",
        str,
        "md5",
        _(
            "How phones prove their password. SHA-256 is the better one, but older phones fail when it is offered."
        ),
        choices=("md5", "sha256", "both"),
    ),
    Definition(
        "minresendival",
        int,
        500,
        _("T1, the first interval after which SIP over UDP is sent again, milliseconds."),
        minimum=50,
        maximum=2000,
    ),
    # TLS (guide 8876-8940, 8714): files are relative to MIZU_VAR; a change of a file or of a setting needs no restart.
    Definition(
        "usetls", bool, True, _("SIP over TLS and secure WebSocket, as soon as there is a certificate.")
    ),
    Definition(
        "tlscertfile",
        Words,
        ("tls",),
        _(
            "Certificates for TLS: PEM files with certificate, chain and key, or folders of such (a key may stand beside "
            "its certificate as NAME.key). Callers get the one for the host that they name, else the first."
        ),
        check=path,
    ),
    Definition("tlskeyfile", str, "", _("The key of certificates that bring none."), check=path),
    Definition(
        "tlsclientca",
        str,
        "",
        _(
            "A PEM file of authorities whose certificates prove who a connecting trunk is; empty: nobody is asked."
        ),
        check=path,
    ),
    Definition(
        "tlsclientrequired",
        bool,
        False,
        _("Refuse TLS connections without such a certificate. Phones have none, as a rule."),
    ),
    Definition(
        "tlspeernames",
        Words,
        (),
        _(
            "Names in certificates of connecting trunks (tlsclientca) by which an account is known, as by its addresses; "
            "they do not hold for accounts below it."
        ),
        check=host_name,
        account=True,
    ),
    Definition(
        "tlscarrierca",
        str,
        "",
        _(
            "A PEM file of authorities whose certificates we believe of carriers; empty: those of the machine."
        ),
        check=path,
    ),
    Definition(
        "tlsverifycarriers",
        bool,
        True,
        _(
            "A carrier on TLS must prove its name by its certificate. Without that anybody in between may listen."
        ),
    ),
    # WebSocket (guide 4457-4467)
    Definition(
        "websocketorigins",
        Words,
        (),
        _(
            "Web pages that may connect by WebSocket: https://phone.example.com, a host name, or *.example.com; "
            "empty: all."
        ),
        check=origin,
    ),
    # DNS (guide 4891, 10964): never waits, whatever is chosen.
    Definition(
        "resolvedns",
        str,
        "all",
        _(
            "How names of carriers are found: not at all (numeric addresses only), by their addresses, or by SRV and "
            "NAPTR too (RFC 3263)."
        ),
        choices=("no", "addresses", "all"),
    ),
    Definition(
        "dnsservers",
        Words,
        (),
        _("Name servers to ask, as address or address:port; empty: those of the machine."),
        check=dns_server,
    ),
    # Transports (guide 4905, 9160, 11011, 11043)
    Definition(
        "stricttransport",
        str,
        "no",
        _(
            "no: a request too large for UDP goes by TCP, and by UDP when that is refused. keep: what is sent by UDP stays on UDP. "
            "secure: that, and an account that gives a password is heard over TLS and secure WebSocket only."
        ),
        choices=("no", "keep", "secure"),
        account=True,
    ),
    Definition(
        "ipdontfragment",
        bool,
        False,
        _(
            "Forbid that SIP datagrams are cut on their way; what does not fit a path is then not sent by UDP."
        ),
    ),
    Definition(
        "udpkeepalive",
        int,
        30,
        _("Seconds between empty datagrams that keep the NAT in front of a phone on UDP open; 0: none."),
        minimum=0,
        maximum=3600,
    ),
    # Where requests must not go (guide 1878, 10715-10737)
    Definition(
        "denyaddr",
        Words,
        (),
        _(
            "Addresses that an account's requests are not sent to, whatever its messages or DNS name: loopbackaddr, localaddr "
            "(our own), lanaddr, privateaddr (lanaddr and localaddr), notsigaddr (all but the one that its messages come "
            "from), notfromaddr (that one), an address, or address:port. *: none, also when others above have some."
        ),
        check=denied_address,
        account=True,
    ),
    # More addresses (guide 13383-13394)
    Definition(
        "secondarybind",
        Words,
        (),
        _(
            "More addresses to listen on, UDP and TCP, such as 192.0.2.1:5060 or [2001:db8::1]:5060. The first is "
            "number 1 (setting interface); at most 125."
        ),
        "restart",
        check=bind_address,
    ),
    Definition(
        "interface",
        int,
        0,
        _("The number of the secondarybind address that calls to this carrier leave from; 0: the main one."),
        minimum=0,
        maximum=125,
        account=True,
    ),
)
