"""What we can do, as others hear of it: methods, extensions, bodies (RFC 3261 §20.5, §20.32, §20.37)."""

from __future__ import annotations

from functools import lru_cache

from switch.sip.message import Header, Request

IN_DIALOG = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REFER, NOTIFY, MESSAGE"
ALLOW: Header = ("Allow", IN_DIALOG)
ALLOW_OUTSIDE: Header = ("Allow", f"{IN_DIALOG}, REGISTER, SUBSCRIBE, PUBLISH")
ACCEPT: Header = ("Accept", "application/sdp")
SUPPORTED: Header = ("Supported", "path, outbound, 100rel, timer, replaces, join")

EXTENSIONS = {
    "path": ("REGISTER",),
    "outbound": ("REGISTER",),
    "100rel": ("INVITE", "UPDATE", "PRACK"),
    "replaces": ("INVITE",),
    "join": ("INVITE",),
    "timer": ("INVITE", "UPDATE", "PRACK"),
}
"""What may be required of us, and by which methods."""


def unknown_extensions(request: Request, hidden: frozenset[str] = frozenset()) -> list[str]:
    """What the request requires and we cannot do, or do not want to (`hidden`) (RFC 3261 §8.2.2.3)."""
    if request.get("Require") is None:
        return []
    return [
        name
        for name in request.members("Require")
        if name.lower() in hidden or request.method not in EXTENSIONS.get(name.lower(), ())
    ]


@lru_cache(maxsize=1024)
def welcome(agent: str, allowed: tuple[str, ...], blocked: tuple[str, ...]) -> bool:
    """Whether devices that call themselves so may use us (`allowua`, `blockua`, guide 13242-13245).

    Entries of fewer than five characters must be the whole name; longer ones a part of it, in any case. Remembered: all phones of a
    make say the same.
    """
    if any(_is(entry, agent) for entry in blocked):
        return False
    return not allowed or any(_is(entry, agent) for entry in allowed)


def _is(entry: str, agent: str) -> bool:
    return entry == agent if len(entry) < 5 else entry.lower() in agent.lower()
