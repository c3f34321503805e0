"""What we can do, as others hear of it: methods, extensions, bodies (RFC 3261 §20.5, §20.32, §20.37)."""

from __future__ import annotations

from switch.sip.message import Header, Request

IN_DIALOG = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK"
ALLOW: Header = ("Allow", IN_DIALOG)
ALLOW_OUTSIDE: Header = ("Allow", f"{IN_DIALOG}, REGISTER")
ACCEPT: Header = ("Accept", "application/sdp")
SUPPORTED: Header = ("Supported", "path, 100rel, timer")

EXTENSIONS = {
    "path": ("REGISTER",),
    "100rel": ("INVITE", "UPDATE", "PRACK"),
    "timer": ("INVITE", "UPDATE", "PRACK"),
}
"""What may be required of us, and by which methods."""


def unknown_extensions(request: Request) -> list[str]:
    """What the request requires and we cannot do (RFC 3261 §8.2.2.3)."""
    if request.get("Require") is None:
        return []
    return [
        name for name in request.members("Require") if request.method not in EXTENSIONS.get(name.lower(), ())
    ]
