"""Branches and tags that carry the name of the worker that made them, so that another worker can hand a datagram over unparsed.

A branch is `z9hG4bK-<worker>-<random>`, a tag `<worker>-<random>` (RFC 3261 §8.1.1.7, §19.3).
"""

import os
import re

COOKIE = "z9hG4bK"
_OWN_BRANCH = b"z9hG4bK-"
_LABEL = re.compile(r"[A-Za-z0-9]{1,16}")
_WORKER = re.compile(r"w([0-9]{1,3})")
_TO = re.compile(rb"\r\nto?[ \t]*:((?:[^\r\n]+|\r\n[ \t])*)", re.IGNORECASE)
_TAG_LABEL = re.compile(rb";[ \t]*tag[ \t]*=[ \t]*([A-Za-z0-9]{1,16})-", re.IGNORECASE)
_BRANCH_LABEL = re.compile(rb"z9hG4bK-([A-Za-z0-9]{1,16})-")
_REPLACES_LABEL = re.compile(
    rb"\r\n(?:replaces|join)[ \t]*:[^\r\n]*?;[ \t]*to-tag[ \t]*=[ \t]*([A-Za-z0-9]{1,16})-", re.IGNORECASE
)
_POOL = 4096
_DIGITS = 16


class _Random:
    """Random hexadecimal digits of the system, drawn 4 KiB at a time: a system call per identifier would be most of its cost."""

    __slots__ = ("_place", "_pool")

    def __init__(self) -> None:
        self._pool = ""
        self._place = 0

    def take(self, digits: int) -> str:
        place = self._place
        if place + digits > len(self._pool):
            self._pool = os.urandom(_POOL).hex()
            place = 0
        self._place = place + digits
        return self._pool[place : self._place]


random_digits = _Random().take
"""So many random hexadecimal digits."""


class Ids:
    """Makes branches and tags for one worker; `label` is 1 to 16 letters and digits."""

    __slots__ = ("_branch", "_tag", "label")

    def __init__(self, label: str) -> None:
        if _LABEL.fullmatch(label) is None:
            raise ValueError("a worker's label is 1 to 16 letters and digits")
        self.label = label
        self._branch = f"{COOKIE}-{label}-"
        self._tag = f"{label}-"

    def random(self) -> str:
        """64 random bits, hexadecimal."""
        return random_digits(_DIGITS)

    def branch(self) -> str:
        return self._branch + self.random()

    def tag(self) -> str:
        return self._tag + self.random()

    def via(self, transport: str, sent_by: str) -> str:
        """A Via value for a new request of ours, with a fresh branch; asks for `rport` (RFC 3581 §3)."""
        return f"SIP/2.0/{transport} {sent_by};rport;branch={self._branch}{self.random()}"


def label_of(data: bytes) -> str | None:
    """The label in a raw datagram: of a response in the top Via's branch, of a request in the To tag, of an INVITE that takes the
    place of a party or joins it (RFC 3891, 3911) in the tag of that dialog; None when there is none.

    Peers may write such tokens too: the caller asks only whether it is the label of a worker it knows.
    """
    if data.startswith(b"SIP/2.0 "):
        match = _BRANCH_LABEL.search(data)
    else:
        to = _TO.search(data)
        match = _TAG_LABEL.search(to[1]) if to is not None else None
    if match is None and data.startswith(b"INVITE ") and (b"eplaces" in data or b"oin" in data):
        match = _REPLACES_LABEL.search(data)
    return match.group(1).decode("ascii") if match is not None else None


def worker_of(data: bytes) -> int | None:
    """The worker whose label (w and its number) a datagram carries in the branch of our Via, or in our tag."""
    label = label_of(data)
    match = _WORKER.fullmatch(label) if label else None
    return int(match.group(1)) if match else None
