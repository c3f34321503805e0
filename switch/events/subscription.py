"""One watcher of one account: its dialog, when it ends, and its NOTIFYs one after the other (RFC 6665 §4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from switch.call.alarms import Alarm
from switch.call.asker import Asker
from switch.sip.dialog import Dialog

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.net import Flow
    from switch.sip.client import ClientTransaction
    from switch.sip.message import Header, Response

Key = tuple[str, str, str]
Body = Callable[["Subscription"], bytes]


class Subscription(Asker):
    """Sends what `body` gives. A change while a NOTIFY is on its way, or too soon after one, is told afterwards."""

    __slots__ = (
        "_again", "_alarm", "_asking", "_board", "_body", "_content", "_event", "_flow", "_over", "_pause", "_sent_at",
        "account_id", "dialog", "expires_at", "package", "version", "watcher_id",
    )  # fmt: skip

    def __init__(
        self, board: Board, dialog: Dialog, flow: Flow, *, event: str, content: str, account_id: int, watcher_id: int,
        body: Body, over: Callable[[Subscription], None], pause: float,
    ) -> None:  # fmt: skip
        self._board = board
        self._flow = flow
        self._event = event
        self._content = content
        self._body = body
        self._over = over
        self._pause = pause
        self._alarm = Alarm(self._ring)
        self._asking = False
        self._again = False
        self._sent_at = float("-inf")
        self.package = event.partition(";")[0].strip()
        self.dialog = dialog
        self.account_id = account_id
        self.watcher_id = watcher_id
        self.expires_at = 0.0
        self.version = -1

    @property
    def key(self) -> Key:
        found = self.dialog.id
        return found.call_id, found.local_tag, found.remote_tag

    def last(self, seconds: int, now: float) -> None:
        """It lasts so long from now on."""
        self.expires_at = now + seconds
        self._wake()

    def tell(self, *, at_once: bool = False) -> None:
        """Something has changed; `at_once`: the watcher has asked (RFC 6665 §4.2.1.2)."""
        if self._asking:
            self._again = True
        elif at_once or self._board.clock() - self._sent_at >= self._pause:
            self._send(f"active;expires={max(0, round(self.expires_at - self._board.clock()))}")
        else:
            self._again = True
            self._wake()

    def end(self, reason: str) -> None:
        """The last NOTIFY."""
        self._board.alarms.cancel(self._alarm)
        self._over(self)
        self._send(f"terminated;reason={reason}")

    def _wake(self) -> None:
        soonest = self._sent_at + self._pause if self._again and not self._asking else self.expires_at
        self._board.alarms.set(self._alarm, min(soonest, self.expires_at))

    def _ring(self) -> None:
        if self._board.clock() >= self.expires_at - 0.01:
            self.end("timeout")
        elif self._again and not self._asking:
            self._again = False
            self.tell()
        else:
            self._wake()

    def _send(self, state: str) -> None:
        board = self._board
        self.version += 1
        self._sent_at = board.clock()
        self._asking = True
        headers: list[Header] = [("Event", self._event), ("Subscription-State", state)]
        body = self._body(self)
        if body:
            headers.append(("Content-Type", self._content))
        request = self.dialog.request("NOTIFY", board.via(self._flow), headers, body)
        board.layer.request(request, self._flow, board.clock()).context = self

    # --- what comes back --------------------------------------------------------------------------------------------------------

    def on_response(self, tx: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        if response.status >= 300 and response.get("Retry-After") is None:
            self._gone()  # 481, or anything else that will not be better next time (RFC 6665 §4.2.2)
            return
        self._asking = False
        self._wake()
        if self._again:
            self._again = False
            self.tell()

    def on_timeout(self) -> None:
        self._gone()

    def on_transport_error(self) -> None:
        self._gone()

    def _gone(self) -> None:
        self._board.alarms.cancel(self._alarm)
        self._over(self)
