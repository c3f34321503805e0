"""SUBSCRIBE: who may know what, and what becomes of it (RFC 6665 §4.2, RFC 3856, RFC 4235, RFC 3842)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from switch.auth import UNAUTHORIZED, Doorkeeper, Refused
from switch.call.identity import escaped
from switch.events import bodies
from switch.events.bodies import Waiting
from switch.events.lines import Lines, Told
from switch.events.published import Published
from switch.events.subscription import Key, Subscription
from switch.events.tree import may_watch
from switch.sip.dialog import Dialog
from switch.sip.message import Header, Request
from switch.sip.server import ServerTransaction

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.model import Caller
    from switch.net import Flow

log = logging.getLogger("switch.events")

DEFAULT_EXPIRES, SHORTEST, LONGEST = 3600, 60, 7200
MOST_OF_ONE = 300
"""Subscriptions of one watcher on a worker: a large lamp panel."""


@dataclass(frozen=True, slots=True)
class Package:
    """An event package: the type of its documents, and how one is made."""

    content: str
    body: Callable[[Events, Subscription], bytes]


class Events:
    """The subscriptions of this worker."""

    def __init__(self, board: Board, doorkeeper: Doorkeeper) -> None:
        self._board = board
        self._doorkeeper = doorkeeper
        self._all: dict[Key, Subscription] = {}
        self._watched: dict[int, set[Key]] = {}
        self._watchers: dict[int, int] = {}
        self._waiting: dict[int, Waiting] = {}
        self.lines = Lines(self.calls_changed)
        self.published = Published()
        self.tell_published: Callable[[int, dict[str, list[Any]]], None] = lambda account, documents: None

    def __len__(self) -> int:
        return len(self._all)

    # --- SUBSCRIBE --------------------------------------------------------------------------------------------------------------

    def subscribe(self, tx: ServerTransaction, request: Request) -> None:
        """A new subscription, or one that is renewed or ended."""
        if request.to.tag is not None:
            self._renew(tx, request)
            return
        package = self._package(tx, request)
        watcher = self.who(tx, request) if package is not None else None
        if package is None or watcher is None:
            return
        world, now = self._board.world(), self._board.now
        account_id = world.local(request.target.user)
        account = world.account(account_id) if account_id is not None else None
        seconds = self.seconds(tx, request)
        if seconds is None:
            return
        if account is None or not account.enabled:
            tx.reply(404, now)
        elif not may_watch(watcher, account, package_of(request), world):
            tx.reply(403, now)
        elif request.contact is None:
            tx.reply(400, now, "No Contact")
        elif self._watchers.get(watcher.id, 0) >= MOST_OF_ONE:
            tx.reply(403, now, "Too many subscriptions")
        else:
            self._begin(tx, request, package, watcher, account, seconds)

    def _begin(
        self,
        tx: ServerTransaction,
        request: Request,
        package: Package,
        watcher: Caller,
        account: Caller,
        seconds: int,
    ) -> None:
        board = self._board
        flow: Flow = tx.flow  # type: ignore[assignment]  # our Net's
        contact = board.contact(flow)
        dialog = Dialog.of_callee(request, tx.tag, contact)
        dialog.confirm()
        most = board.world().settings_of(account).maxstatchangepermin
        made = Subscription(
            board, dialog, flow, event=request.get("Event") or "", content=package.content, account_id=account.id,
            watcher_id=watcher.id, body=lambda one: package.body(self, one), over=self._over, pause=60 / most,
        )  # fmt: skip
        self._all[made.key] = made
        self._watched.setdefault(account.id, set()).add(made.key)
        self._watchers[watcher.id] = self._watchers.get(watcher.id, 0) + 1
        tx.reply(200, board.now, None, (("Expires", str(seconds)), ("Contact", contact)))
        self._last(made, seconds)

    def _renew(self, tx: ServerTransaction, request: Request) -> None:
        now = self._board.now
        found = self._all.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        if found is None:
            tx.reply(481, now)
            return
        if package_of(request) != found.package:
            tx.reply(489, now, None, (self._allowed(),))
            return
        if not found.dialog.accepts(request):
            tx.reply(500, now)
            return
        seconds = self.seconds(tx, request)
        if seconds is not None:
            tx.reply(200, now, None, (("Expires", str(seconds)), ("Contact", found.dialog.contact)))
            self._last(found, seconds)

    def _last(self, subscription: Subscription, seconds: int) -> None:
        """It lasts so long; 0: one answer, and no more (RFC 6665 §4.4.3)."""
        if seconds:
            subscription.last(seconds, self._board.clock())
            subscription.tell(at_once=True)
        else:
            subscription.end("timeout")

    def seconds(self, tx: ServerTransaction, request: Request) -> int | None:
        """How long it shall last; None when it was refused for being too brief."""
        asked = request.expires
        if asked is None:
            return DEFAULT_EXPIRES
        if 0 < asked < SHORTEST:
            tx.reply(423, self._board.now, None, (("Min-Expires", str(SHORTEST)),))
            return None
        return min(asked, LONGEST)

    def _package(self, tx: ServerTransaction, request: Request) -> Package | None:
        """What is asked for, if we have it and the watcher understands it; else it has been answered."""
        name = package_of(request)
        package = PACKAGES.get(name) if name in self._board.world().settings.eventlist else None
        if package is None:
            tx.reply(489, self._board.now, None, (self._allowed(),))
            return None
        accepted = {one.partition(";")[0].strip().lower() for one in request.members("Accept")}
        if accepted and not accepted & {package.content, "*/*", "application/*"}:
            tx.reply(406, self._board.now, None, (("Accept", package.content),))
            return None
        return package

    def _allowed(self) -> Header:
        names = [one for one in self._board.world().settings.eventlist if one in PACKAGES]
        return ("Allow-Events", ", ".join(names))

    def who(self, tx: ServerTransaction, request: Request) -> Caller | None:
        """The account that asks, by digest; else it has been answered."""
        board = self._board
        world = board.world()
        flow: Flow = tx.flow  # type: ignore[assignment]  # our Net's
        proof = self._doorkeeper.prove(request, world, board.wall(), UNAUTHORIZED, flow.host, flow.port)
        if isinstance(proof, Refused):
            tx.reply(proof.status, board.now, None, proof.headers)
            return None
        account = world.account(proof.account_id)
        if account is None or not account.enabled:
            tx.reply(403, board.now)
            return None
        return account

    def published_told(self, account_id: int, documents: dict[str, list[Any]]) -> None:
        """What another worker was told by a phone."""
        self.published.told(account_id, documents)
        self.tell(account_id, "presence")

    # --- what changes -----------------------------------------------------------------------------------------------------------

    def calls_changed(self, account_id: int) -> None:
        """The account's calls are others now."""
        self.tell(account_id, "dialog", "presence")

    def phones_changed(self, account_id: int) -> None:
        """Phones have come or gone."""
        self.tell(account_id, "presence")

    def waiting_told(self, account_id: int, new: int, old: int) -> None:
        """Voice messages of an account: so many new and old ones."""
        waiting = Waiting(new, old)
        if self._waiting.get(account_id, Waiting(0, 0)) != waiting:
            self._waiting[account_id] = waiting
            self.tell(account_id, "message-summary")

    def second(self) -> None:
        """Once a second: what was published may have expired."""
        for account_id in self.published.ended(self._board.wall()):
            self.tell_published(account_id, self.published.as_json(account_id))
            self.tell(account_id, "presence")

    def watched(self) -> list[int]:
        """The accounts whose calls are asked for here, for the other workers."""
        return list(self._watched)

    def others_told(self, others: Told) -> None:
        """The calls of watched accounts that other workers have."""
        self.lines.told(others)

    def leave(self) -> None:
        """The worker stops: watchers shall subscribe anew at once (RFC 6665 §4.1.3, `deactivated`)."""
        for subscription in list(self._all.values()):
            subscription.end("deactivated")

    def tell(self, account_id: int, *packages: str) -> None:
        """Something of the account has changed that these packages are about."""
        for key in list(self._watched.get(account_id, ())):
            subscription = self._all.get(key)
            if subscription is not None and subscription.package in packages:
                subscription.tell()

    def _over(self, subscription: Subscription) -> None:
        if self._all.pop(subscription.key, None) is None:
            return
        keys = self._watched[subscription.account_id]
        keys.discard(subscription.key)
        if not keys:
            del self._watched[subscription.account_id]
        left = self._watchers[subscription.watcher_id] - 1
        if left:
            self._watchers[subscription.watcher_id] = left
        else:
            del self._watchers[subscription.watcher_id]

    # --- documents --------------------------------------------------------------------------------------------------------------

    def entity(self, subscription: Subscription) -> str:
        """Whom the documents are about."""
        account = self._board.world().account(subscription.account_id)
        name = account.username if account is not None else str(subscription.account_id)
        return f"sip:{escaped(name)}@{self._domain}"

    @property
    def _domain(self) -> str:
        return self._board.world().settings.sip_realm

    def dialog_document(self, subscription: Subscription) -> bytes:
        lines = self.lines.of(subscription.account_id)
        return bodies.dialog_info(self.entity(subscription), subscription.version, lines, self._domain)

    def presence_document(self, subscription: Subscription) -> bytes:
        account_id, wall = subscription.account_id, self._board.wall()
        said = self.published.newest(account_id, wall)
        if said is not None:
            return said
        there = bool(self._board.registrar.reachable(account_id, wall))
        return bodies.presence(self.entity(subscription), there=there, busy=bool(self.lines.of(account_id)))

    def summary_document(self, subscription: Subscription) -> bytes:
        waiting = self._waiting.get(subscription.account_id, Waiting(0, 0))
        return bodies.message_summary(self.entity(subscription), waiting)


PACKAGES: Final[Mapping[str, Package]] = {
    "dialog": Package(bodies.DIALOG_INFO, Events.dialog_document),
    "presence": Package(bodies.PIDF, Events.presence_document),
    "message-summary": Package(bodies.SUMMARY, Events.summary_document),
}


def package_of(request: Request) -> str:
    """The event package that a request names."""
    return (request.get("Event") or "").partition(";")[0].strip().lower()
