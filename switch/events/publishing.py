"""PUBLISH: a phone says how it is; only of the account that it belongs to (RFC 3903 §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from switch.events import bodies
from switch.events.bodies import BadDocument
from switch.events.core import package_of
from switch.events.published import Document
from switch.sip.message import Request
from switch.sip.server import ServerTransaction

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.events.core import Events

LONGEST_DOCUMENT = 8192


class Publishing:
    """Takes what phones publish into the events' store."""

    def __init__(self, board: Board, events: Events) -> None:
        self._board = board
        self._events = events

    def publish(self, tx: ServerTransaction, request: Request) -> None:
        """RFC 3903 §6: a phone says how it is; only of the account that it belongs to."""
        board = self._board
        now, wall = board.now, board.wall()
        if package_of(request) != "presence" or "presence" not in board.world().settings.eventlist:
            tx.reply(489, now, None, (("Allow-Events", "presence"),))
            return
        account = self._events.who(tx, request)
        if account is None:
            return
        seconds = self._events.seconds(tx, request)
        if seconds is None:
            return
        before = request.get("SIP-If-Match") or ""
        known = self._events.published.get(account.id, before, wall) if before else None
        if board.world().local(request.target.user) != account.id:
            tx.reply(403, now)
        elif before and known is None:
            tx.reply(412, now)
        elif not request.body and known is None:
            tx.reply(400, now, "A first publication needs a document")
        elif request.body and request.content_type != bodies.PIDF:
            tx.reply(415, now, None, (("Accept", bodies.PIDF),))
        elif request.body and (wrong := _wrong(request.body)):
            tx.reply(400, now, wrong)
        else:
            body = request.body.decode() if request.body else known.body  # type: ignore[union-attr]  # one of both is there
            self._publish(tx, account.id, before, body, seconds, wall)

    def _publish(
        self, tx: ServerTransaction, account_id: int, before: str, body: str, seconds: int, wall: float
    ) -> None:
        tag = self._board.ids.random()
        document = Document(body, wall + seconds, wall) if seconds else None
        self._events.published.replace(account_id, before, tag, document, wall)
        tx.reply(200, self._board.now, None, (("SIP-ETag", tag), ("Expires", str(seconds))))
        self._events.tell_published(account_id, self._events.published.as_json(account_id))
        self._events.tell(account_id, "presence")


def _wrong(document: bytes) -> str:
    """In words what is wrong with a published document."""
    if len(document) > LONGEST_DOCUMENT:
        return "The document is too long"
    try:
        document.decode()
        bodies.check_presence(document)
    except (BadDocument, UnicodeDecodeError) as error:
        return f"Bad document: {error}"
    return ""
