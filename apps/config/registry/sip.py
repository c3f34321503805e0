"""SIP: authentication, timers, transports (guide 4480-4920, 11528-11529)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition


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
)
