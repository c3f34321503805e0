"""SIP: authentication, timers, transports (guide 4480-4920, 11528-11529)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition, Words


def _realm(text: str) -> str:
    return "" if text and not set(text) & set('"\\') else "a name without quotes or backslashes is expected."


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
