"""Answers REGISTER, and says where an account's phones are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from switch.auth import UNAUTHORIZED, Doorkeeper, Refused
from switch.call.alarms import Alarm
from switch.call.stages.identify import may_prove
from switch.net import SECURE, Flow
from switch.registrar import newcomers, upper
from switch.registrar.alive import Alive
from switch.registrar.binding import Binding
from switch.registrar.elsewhere import Elsewhere
from switch.registrar.request import Refusal, changes, lacks_outbound
from switch.registrar.table import Table
from switch.sip.message import Header, Request
from switch.sip.server import ServerTransaction

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.call.model import Caller
    from switch.world.settings import Settings
    from switch.world.world import World

log = logging.getLogger("switch.registrar")

FLOW_TIMER = 120
"""Seconds between the keep-alives that we ask of a phone with outbound (RFC 5626 §5.4); connections are not closed sooner."""

Tell = Callable[[int, list[Binding]], None]
"""Account, and those of its bindings that changed; one that has ended expires in the past."""


FULL: tuple[Header, ...] = (("Retry-After", "60"),)
TLS_WANTED = "TLS Required"
"""To an account that is heard over secure transports only (setting stricttransport)."""


class Registrar:
    """Answers REGISTER and knows the bindings."""

    def __init__(self, board: Board, doorkeeper: Doorkeeper, tell: Tell) -> None:
        self._board = board
        self._doorkeeper = doorkeeper
        self._tell = tell
        self._table = Table()
        self._counted = 0.0, 0
        self.elsewhere = Elsewhere(
            lambda account_id: bool(self._table.alive(account_id, board.wall())),
            lambda delay, do: board.alarms.set(Alarm(do), board.clock() + delay),
        )
        """For who finds no phone here."""
        self.alive = Alive(board, self._table)
        self.changed: list[Callable[[int], None]] = []
        """Called with the account whose phones have come or gone."""

    # --- reading ----------------------------------------------------------------------------------------------------------------

    def reachable(self, account_id: int, now: float) -> list[Binding]:
        """The account's phones, the preferred first; of each one its newest flow (RFC 5626 §7)."""
        found = self._table.alive(account_id, now)
        if len(found) < 2 or not any(one.reg_id for one in found):
            return found
        seen: set[str] = set()
        firsts = []
        for one in sorted(found, key=lambda one: -one.seen_at):
            if one.reg_id == 0 or one.instance not in seen:
                seen.add(one.instance)
                firsts.append(one)
        return sorted(firsts, key=lambda one: -one.q)

    def other_way(self, account_id: int, failed: Binding, now: float) -> Binding | None:
        """Another flow of the same phone, the failed one being lost (RFC 5626 §7); None when there is none."""
        if not failed.reg_id:
            return None
        over = [failed.ended(now - 1)]
        self._change(account_id, over)
        left = [one for one in self._table.alive(account_id, now) if one.instance == failed.instance]
        return max(left, key=lambda one: one.seen_at, default=None)

    def everything(self) -> dict[int, list[Binding]]:
        """All bindings, for who has to tell them anew."""
        return self._table.everything()

    def __len__(self) -> int:
        return len(self._table)

    # --- what happens elsewhere -------------------------------------------------------------------------------------------------

    def told(self, account_id: int, bindings: list[Binding]) -> None:
        """Another worker's news; older than what is known here is ignored."""
        self._table.told(account_id, bindings)
        self._say(account_id)

    def way_lost(self, flow: Flow) -> None:
        """The connection has ended that phones registered by: they cannot be called until they register again."""
        for account_id, over in self._table.lose(flow, self._board.wall()).items():
            self._tell(account_id, over)
            self._say(account_id)

    def forget(self, account_id: int, contact: str, by: str) -> None:
        """Staff unregisters a phone; every worker is asked, so nobody needs to be told."""
        now = self._board.wall()
        over = [one.ended(now - 1) for one in self._table.alive(account_id, now) if one.uri == contact]
        if over:
            log.info("account=%s: %s unregistered %s", account_id, by, contact)
            self._change(account_id, over)

    def sweep(self, now: float) -> None:
        """Forget what ended a while ago."""
        self._table.sweep(now)

    # --- REGISTER ---------------------------------------------------------------------------------------------------------------

    def register(self, tx: ServerTransaction, request: Request, flow: Any) -> None:
        """RFC 3261 §10.3: prove who it is, check the whole request, then change all of it or nothing."""
        board = self._board
        world, now = board.world(), board.wall()
        _ = request.contacts  # what is malformed is refused before anybody is asked for a proof
        server = upper.server_of(request, flow, world, board)
        if server is not None:
            self._pass_on(tx, request, flow, world, server)
            return
        account = self._account(tx, request, flow, world, now)
        if account is None:
            return
        if world.settings_of(account).stricttransport == "secure" and flow.transport not in SECURE:
            tx.reply(403, board.now, TLS_WANTED)
            return
        if lacks_outbound(request):
            tx.reply(439, board.now)
            return
        settings = world.settings_of(account)
        changed = changes(request, flow, self._table.of(account.id), settings, now)
        if isinstance(changed, Refusal):
            tx.reply(changed.status, board.now, changed.reason, changed.headers)
            return
        if self._full(account.id, changed, world, now):
            tx.reply(503, board.now, None, FULL)
            return
        if changed:
            self._change(account.id, changed)
            log.info("account=%s registered contacts=%s from=%s", account.username, len(changed), flow.host)
        tx.reply(200, board.now, None, self._answer(request, account.id, settings, now))

    def _count(self, now: float) -> int:
        """Phones that are registered, counted once a second at most: the table also knows those that have just left."""
        if now - self._counted[0] >= 1:
            alive = (one.expires_at > now for found in self._table.everything().values() for one in found)
            self._counted = now, sum(alive)
        return self._counted[1]

    def _full(self, account_id: int, changed: list[Binding], world: World, now: float) -> bool:
        """Whether a phone would be added to as many as there may be in all; who is registered renews and leaves as ever."""
        most = world.settings.maxepcounttreshold
        if not most or len(self._table) < most or self._count(now) < most:
            return False
        known = {one.key for one in self._table.alive(account_id, now)}
        return any(one.key not in known and one.expires_at > now for one in changed)

    def _pass_on(
        self, tx: ServerTransaction, request: Request, flow: Flow, world: World, server: upper.Server
    ) -> None:
        """Another server knows the password; what it grants holds here, within our own limits."""
        board = self._board
        account_id = world.local(request.to.uri.user)
        account = world.account(account_id) if account_id is not None else None
        if account is None and newcomers.may_come(request, world):
            newcomers.ask(self, board, tx, request, flow, server)
            return
        if account is None or not account.enabled:
            tx.reply(404, board.now)
            return
        settings = world.settings_of(account)
        judged = changes(request, flow, self._table.of(account.id), settings, board.wall())
        if isinstance(judged, Refusal):
            tx.reply(judged.status, board.now, judged.reason, judged.headers)
            return

        upper.ask(board, tx, request, server, partial(self.keep, account, tx, request, flow))

    def keep(
        self, account: Caller, tx: ServerTransaction, request: Request, flow: Flow, seconds: int
    ) -> None:
        """Another server has granted it for so long: it holds here, within our own limits."""
        board = self._board
        settings, now = board.world().settings_of(account), board.wall()
        kept = changes(request, flow, self._table.of(account.id), settings, now)
        if isinstance(kept, Refusal):
            tx.reply(kept.status, board.now, kept.reason, kept.headers)
            return
        self._change(account.id, [one.ended(min(one.expires_at, now + seconds)) for one in kept])
        tx.reply(200, board.now, None, self._answer(request, account.id, settings, now))

    def _account(
        self, tx: ServerTransaction, request: Request, flow: Flow, world: World, now: float
    ) -> Caller | None:
        """Whose phone it is, once that is proved; else it has been answered."""
        named = request.to.uri.user
        account_id = self._remembered(named, request, flow, world, now)
        if account_id is None:
            proof = self._doorkeeper.prove(request, world, now, UNAUTHORIZED, flow.host, flow.port)
            if isinstance(proof, Refused):
                tx.reply(proof.status, self._board.now, None, proof.headers)
                return None
            account_id = proof.account_id
        account = world.account(account_id)
        if (
            account is None
            or not account.enabled
            or world.local(named) != account_id
            or not may_prove(account, flow.host, flow.port, world, self._board.leads_to(flow.host))
        ):
            tx.reply(403, self._board.now)
            return None
        return account

    def _remembered(self, named: str, request: Request, flow: Flow, world: World, now: float) -> int | None:
        """The account whose phone proved itself on this very flow and only renews that, if the setting allows it."""
        if request.get("Authorization") is not None:
            return None
        account_id = world.local(named)
        account = world.account(account_id) if account_id is not None else None
        if account is None:
            return None
        mode = world.settings_of(account).cacheregistrations
        if mode == "off" or (mode == "connection" and not flow.reliable):
            return None
        contact = request.contact
        known = contact is not None and any(
            one.flow == flow and one.call_id == request.call_id and one.uri == contact.uri_text
            for one in self._table.alive(account.id, now)
        )
        return account.id if known else None

    def _change(self, account_id: int, changed: list[Binding]) -> None:
        self._table.put(account_id, changed)
        self.alive.note(account_id)
        self._tell(account_id, changed)
        self._say(account_id)

    def _say(self, account_id: int) -> None:
        for listener in self.changed:
            listener(account_id)

    def _answer(self, request: Request, account_id: int, settings: Settings, now: float) -> list[Header]:
        """The bindings as they are now, written as the setting `sendbackregcontact` wants it (guide 11533)."""
        headers: list[Header] = []
        manner = settings.sendbackregcontact
        alive = self._table.alive(account_id, now)
        if manner == "exact":
            headers += [("Contact", one) for one in request.members("Contact")] if alive else []
        elif manner != "none":
            headers += [("Contact", _shown(one, now, plain=manner == "plain")) for one in alive]
        headers += [("Path", path) for path in request.all("Path")]
        if any(one.reg_id and one.call_id == request.call_id for one in alive):
            headers += [("Require", "outbound"), ("Flow-Timer", str(FLOW_TIMER))]
        return headers


def _shown(one: Binding, now: float, *, plain: bool) -> str:
    if plain:
        return f"<{one.uri}>"
    outbound = f';+sip.instance="{one.instance}";reg-id={one.reg_id}' if one.reg_id else ""
    return f"<{one.uri}>;q={one.q:g};expires={max(1, round(one.expires_at - now))}{outbound}"
