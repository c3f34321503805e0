"""SIP: authentication, timers, transports (guide 4480-4920, 11528-11529)."""

from __future__ import annotations

from ipaddress import ip_address

from django.utils.translation import gettext_lazy as _

from apps.config.registry.checks import bind_address, denied_address, dns_server, host_name, origin, path
from apps.config.registry.definition import Definition, Words


def _realm(text: str) -> str:
    return "" if text and not set(text) & set('"\\') else "a name without quotes or backslashes is expected."


def _address_and_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    try:
        good = not text or (ip_address(host.strip("[]")) and port.isdigit() and 0 < int(port) < 65_536)
    except ValueError:
        good = False
    return "" if good else "an IP address and a port are expected, such as 192.0.2.7:9060."


def _token(text: str) -> str:
    good = not text or (
        text.isascii()
        and all(part.replace("-", "").replace(".", "").isalnum() for part in text.split("/", 1))
    )
    return "" if good else "a product as Name or Name/1.0 is expected."


def _comment(text: str) -> str:
    return (
        "" if text.isascii() and not set(text) & set("()\\") else "plain text without brackets is expected."
    )


def _status_pair(text: str) -> str:
    old, _sign, new = text.partition("=")
    good = all(
        len(one) == 3 and one.isascii() and one.isdigit() and "400" <= one <= "699" for one in (old, new)
    )
    return "" if good else "pairs of statuses from 400 to 699 are expected, as 408=480."


def _session_timer(text: str) -> str:
    if text in {"never", "off", "supported", "forced"} or (text.isdigit() and 1 <= int(text) <= 720):
        return ""
    return "never, off, supported, forced or minutes from 1 to 720 are expected."


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
    # What an operator needs at three in the morning (guide 1221-1223, 4645-4701, 4903-4904, 13066)
    Definition(
        "siptrace",
        str,
        "failed",
        _("Of which calls the SIP messages are kept, to be read as a ladder or a capture file."),
        choices=("off", "failed", "all"),
        account=True,
    ),
    Definition("siptrace_days", int, 14, _("For how many days they are kept."), minimum=1, maximum=400),
    Definition(
        "loglevel",
        str,
        "normal",
        _(
            "How much the switch writes to its log; for an account: detailed writes each SIP message of its calls."
        ),
        choices=("errors", "minimal", "normal", "detailed"),
        account=True,
    ),
    Definition(
        "hep_server",
        str,
        "",
        _("Address and port of a capture server that gets every SIP message as HEP3 over UDP; empty: none."),
        check=_address_and_port,
    ),
    Definition(
        "hep_capture_id",
        int,
        2001,
        _("The number by which the capture server knows this switch."),
        minimum=0,
        maximum=2**32 - 1,
    ),
    Definition("hep_password", str, "", _("What the capture server asks of its agents; empty: nothing.")),
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
        "sslcertpwd",
        str,
        "",
        _("The passphrase of keys that have one; it is kept sealed. Empty: keys have none."),
        sealed=True,
    ),
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
    Definition(
        "prack",
        str,
        "caller",
        _(
            "Reliable provisional answers of who is called (RFC 3262): offered never, to callers that can do them, or always."
        ),
        choices=("never", "caller", "always"),
        account=True,
    ),
    Definition(
        "fwdunknownheaders",
        bool,
        False,
        _(
            "Pass headers that the switch does not know on from the account to the other party; else header rules say which."
        ),
        account=True,
    ),
    # The guide's changediscreason1, changediscreason2, … in one list.
    Definition(
        "changediscreason",
        Words,
        (),
        _(
            "Statuses that stand in place of others, as 408=480, with commas: of a carrier before the next is tried, of a"
            " caller in what it is answered."
        ),
        check=_status_pair,
        account=True,
    ),
    Definition(
        "usedefaultdisccodes",
        bool,
        False,
        _(
            "Tell hangup causes as they were before the office changed them (Signalling → Hangup causes); its changes are kept, and hold"
            " again once this is off."
        ),
    ),
    Definition(
        "allowheaders",
        bool,
        True,
        _("Send Allow and Supported; some old devices fail on them."),
        account=True,
    ),
    Definition(
        "productname",
        str,
        "",
        _(
            "How the switch calls itself in Server and User-Agent; empty: not at all, so that nobody learns what it is."
        ),
        check=_token,
    ),
    Definition("companyname", str, "", _("The company that stands behind productname."), check=_comment),
    Definition("usedateheader", bool, False, _("Send a Date header, from which phones set their clocks.")),
    Definition(
        "forwardearlystart",
        str,
        "yes",
        _(
            "Let the caller have media parameters before the call is answered: yes, no, or as the called account says."
        ),
        choices=("no", "yes", "called"),
        account=True,
    ),
    Definition(
        "changesptoring",
        str,
        "no",
        _("Make 180 Ringing of 183 Session Progress for the caller: no, yes, or as the called account says."),
        choices=("no", "yes", "called"),
        account=True,
    ),
    Definition(
        "loadcallednumberfromto",
        str,
        "auto",
        _(
            "Where the called number stands: uri (the Request-URI), to, or auto (To where the Request-URI names nobody)."
        ),
        choices=("auto", "uri", "to"),
        account=True,
    ),
    Definition(
        "sendonlyrec",
        str,
        "auto",
        _(
            "Where requests inside a call go: auto (phones: where theirs come from; others: the address they name), source"
            " or named."
        ),
        choices=("auto", "source", "named"),
        account=True,
    ),
    Definition(
        "absolutetimeout",
        int,
        0,
        _("The longest time from the first message of a call to its end, seconds; 0: no limit."),
        minimum=0,
        maximum=7 * 86_400,
        account=True,
    ),
    Definition(
        "sipmsgresendcount",
        int,
        6,
        _(
            "How often a request of ours over UDP is sent again, each time after twice the time; 6 is what RFC 3261 says."
        ),
        minimum=1,
        maximum=8,
    ),
    Definition(
        "forwardcalled",
        str,
        "no",
        _(
            "The number in Request-URI and To to a carrier: no (as its trunk makes it of the called number), received (as"
            " the caller wrote it), number (the called number as it is), to (of the caller's To)."
        ),
        choices=("no", "received", "number", "to"),
        account=True,
    ),
    # The guide's -1 to 3 and "other": never, off, (1 loads the global value: that is what having no own value does),
    # supported, forced, minutes.
    Definition(
        "sessiontimer",
        str,
        "off",
        _(
            "Session timers (RFC 4028): never, off (only when the party asks), supported (when it can), forced,"
            " or forced with so many minutes between refreshes."
        ),
        check=_session_timer,
        account=True,
    ),
    Definition(
        "sesskeepalive",
        int,
        0,
        _("Seconds between our refreshes of a session; 0: half of its interval."),
        minimum=0,
        maximum=43_200,
        account=True,
    ),
    Definition(
        "sessiontimerhandlelocally",
        str,
        "auto",
        _(
            "Who handles session timers: auto (we, when an account of the call has them on, else the parties), forward"
            " (the parties), yes (we), no (nobody)."
        ),
        choices=("auto", "forward", "yes", "no"),
        account=True,
    ),
    Definition(
        "def_min_sessiontimer",
        int,
        90,
        _("The shortest session interval that we accept (Min-SE), seconds."),
        minimum=4,
        maximum=86_400,
        account=True,
    ),
    Definition(
        "def_mid_sessiontimer",
        int,
        1800,
        _("The session interval that we ask for, seconds."),
        minimum=4,
        maximum=86_400,
        account=True,
    ),
    Definition(
        "def_max_sessiontimer",
        int,
        7200,
        _("The longest session interval that we agree to, seconds."),
        minimum=4,
        maximum=86_400,
        account=True,
    ),
)
