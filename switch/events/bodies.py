"""The documents that NOTIFYs carry: plain values in, XML or text out (RFC 3842, RFC 3863, RFC 4235)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from switch.call.identity import escaped

DIALOG_INFO = "application/dialog-info+xml"
PIDF = "application/pidf+xml"
SUMMARY = "application/simple-message-summary"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


class Line(NamedTuple):
    """One call of an account. `state`: trying, early or confirmed (RFC 4235 §3.7.1)."""

    id: str
    direction: str  # "initiator" | "recipient"
    state: str
    remote: str  # number or user name of the other party


class Waiting(NamedTuple):
    """Voice messages in a mailbox."""

    new: int
    old: int


class BadDocument(ValueError):
    """Not a document of that kind; the message says what is wrong."""


def dialog_info(entity: str, version: int, lines: Iterable[Line], domain: str) -> bytes:
    """All calls of `entity` (a URI); a phone's lamp is lit by `confirmed`, and blinks by `early`."""
    dialogs = "".join(
        f'<dialog id={quoteattr(one.id)} direction="{one.direction}"><state>{one.state}</state>'
        f"<remote><identity>{escape(f'sip:{escaped(one.remote)}@{domain}')}</identity></remote></dialog>"
        for one in lines
    )
    return (
        f'{_HEAD}<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full"'
        f" entity={quoteattr(entity)}>{dialogs}</dialog-info>\n"
    ).encode("utf-8", "replace")


def presence(entity: str, *, there: bool, busy: bool) -> bytes:
    """What the switch itself knows of somebody who publishes nothing: whether a phone is there, and in a call."""
    note = "<note>On the phone</note>" if busy else ""
    return (
        f'{_HEAD}<presence xmlns="urn:ietf:params:xml:ns:pidf" entity={quoteattr(entity)}><tuple id="switch">'
        f"<status><basic>{'open' if there else 'closed'}</basic></status>{note}</tuple></presence>\n"
    ).encode("utf-8", "replace")


def message_summary(account: str, waiting: Waiting) -> bytes:
    """RFC 3842 §3.5."""
    some = "yes" if waiting.new else "no"
    return (
        f"Messages-Waiting: {some}\r\nMessage-Account: {account}\r\nVoice-Message: {waiting.new}/{waiting.old}\r\n"
    ).encode("utf-8", "replace")


def check_presence(document: bytes) -> None:
    """Whether it is a PIDF document. No declarations of types or entities: nobody's document may grow or read files."""
    parser = expat.ParserCreate(namespace_separator=" ")
    elements: list[str] = []

    def begins(name: str, attributes: dict[str, str]) -> None:
        elements.append(name)

    def refused(*_: object) -> None:
        raise BadDocument("a document type is declared")

    parser.StartElementHandler = begins
    parser.StartDoctypeDeclHandler = refused
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise BadDocument(str(error)) from error
    if not elements or elements[0] != "urn:ietf:params:xml:ns:pidf presence":
        raise BadDocument("this is no presence document")
