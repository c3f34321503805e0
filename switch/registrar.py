"""Where phones are: REGISTER, the bindings that it makes, and who may be called by them (RFC 3261 §10.3, RFC 3327, RFC 3581).

Bindings live in the memory of every worker; `Bindings.told` takes what other workers tell (through Redis, see `switch.live`).
A call goes to the flow that the REGISTER came by, which passes a NAT in front of the phone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from switch.auth import UNAUTHORIZED, Doorkeeper, Refused
from switch.net import Flow
from switch.sip.message import Header, Request, seconds
from switch.sip.server import ServerTransaction
from switch.sip.uri import NameAddr

if TYPE_CHECKING:
    from switch.call.board import Board
    from switch.world.settings import Settings

log = logging.getLogger("switch.registrar")

KEPT_AFTER_END = 32.0
"""Seconds for which the CSeq of a removed binding is remembered, so that a late REGISTER does not bring it back."""


@dataclass(slots=True)
class Binding:
    """One phone of an account. `expires_at` is epoch seconds."""

    uri: str
    flow: Flow
    expires_at: float
    q: float
    call_id: str
    cseq: int
    path: tuple[str, ...] = ()
    agent: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"flow": list(self.flow), "path": list(self.path)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Binding:
        """Raises KeyError, TypeError, ValueError for what no worker wrote."""
        return cls(**values | {"flow": Flow(*values["flow"]), "path": tuple(values["path"])})


Tell = Callable[[int, list[Binding]], None]
"""Account, and those of its bindings that changed; one that has ended expires in the past."""


class Registrar:
    """Answers REGISTER and knows the bindings."""

    def __init__(self, board: Board, doorkeeper: Doorkeeper, tell: Tell) -> None:
        self._board = board
        self._doorkeeper = doorkeeper
        self._tell = tell
        self._bindings: dict[int, dict[str, Binding]] = {}

    # --- reading ----------------------------------------------------------------------------------------------------------------

    def reachable(self, account_id: int, now: float) -> list[Binding]:
        """The account's phones, the preferred first."""
        found = [one for one in self._bindings.get(account_id, {}).values() if one.expires_at > now]
        return sorted(found, key=lambda one: -one.q)

    def everything(self) -> dict[int, list[Binding]]:
        """All bindings, for who has to tell them anew."""
        return {account: list(found.values()) for account, found in self._bindings.items()}

    def told(self, account_id: int, bindings: list[Binding]) -> None:
        """Another worker's news; older than what is known here is ignored."""
        for binding in bindings:
            known = self._bindings.setdefault(account_id, {})
            mine = known.get(binding.uri)
            if mine is None or mine.call_id != binding.call_id or mine.cseq <= binding.cseq:
                known[binding.uri] = binding

    def way_lost(self, flow: Flow) -> None:
        """The connection has ended that phones registered by: they cannot be called until they register again."""
        now = self._board.wall()
        for account_id, known in self._bindings.items():
            lost = [one for one in known.values() if one.flow == flow and one.expires_at > now]
            for binding in lost:
                binding.expires_at = now - 1
            if lost:
                self._tell(account_id, lost)

    def sweep(self, now: float) -> None:
        """Forget what ended a while ago."""
        for account_id in list(self._bindings):
            kept = {
                uri: one
                for uri, one in self._bindings[account_id].items()
                if one.expires_at > now - KEPT_AFTER_END
            }
            if kept:
                self._bindings[account_id] = kept
            else:
                del self._bindings[account_id]

    # --- REGISTER ---------------------------------------------------------------------------------------------------------------

    def register(self, tx: ServerTransaction, request: Request, flow: Any) -> None:
        """RFC 3261 §10.3: prove who it is, check the whole request, then change all of it or nothing."""
        board = self._board
        world, now = board.world(), board.wall()
        contacts = request.contacts  # what is malformed is refused before anybody is asked for a proof
        proof = self._doorkeeper.prove(request, world, now, UNAUTHORIZED, flow.host)
        if isinstance(proof, Refused):
            tx.reply(proof.status, board.now, None, proof.headers)
            return
        account_id = proof.account_id
        account = world.account(account_id)
        named = request.to.uri.user
        if account is None or not account.enabled or world.local(named) != account_id:
            tx.reply(403, board.now)
            return
        changed = self._changes(tx, request, contacts, account_id, flow, now)
        if changed is None:
            return
        known = self._bindings.setdefault(account_id, {})
        for binding in changed:
            known[binding.uri] = binding
        if changed:
            self._tell(account_id, changed)
            log.info("account=%s registered contacts=%s from=%s", account.username, len(changed), flow.host)
        tx.reply(200, board.now, None, self._answer(request, account_id, now))

    def _changes(
        self,
        tx: ServerTransaction,
        request: Request,
        contacts: list[NameAddr] | None,
        account_id: int,
        flow: Flow,
        now: float,
    ) -> list[Binding] | None:
        """The bindings as they shall be; None when the request was refused."""
        board, settings = self._board, self._board.world().settings
        known = {one.uri: one for one in self.reachable(account_id, now)}
        call_id, cseq = request.call_id, request.cseq.number
        if contacts is None:
            if request.expires != 0 or len(request.members("Contact")) != 1:
                tx.reply(400, board.now, "Contact: * needs Expires: 0")
                return None
            contacts = [NameAddr(uri, "", {"expires": "0"}) for uri in known]
        if len(contacts) > settings.max_contacts and any(_wanted(one, request, settings) for one in contacts):
            tx.reply(403, board.now, "Too many contacts")
            return None
        changed: list[Binding] = []
        path = tuple(request.members("Path"))
        for contact in contacts:
            wanted = _wanted(contact, request, settings)
            if 0 < wanted < settings.upperexpiremin and wanted < 3600:
                tx.reply(423, board.now, None, (("Min-Expires", str(settings.upperexpiremin)),))
                return None
            before = self._same(account_id, contact)
            if (
                before is not None
                and before.call_id == call_id
                and before.cseq >= cseq
                and before.expires_at > now - KEPT_AFTER_END
            ):
                tx.reply(500, board.now, "CSeq out of order", (("Retry-After", "1"),))
                return None
            uri = before.uri if before is not None else contact.uri_text
            expires = now + min(wanted, settings.upperexpiremax) if wanted else now - 1
            agent = (request.get("User-Agent") or "")[:128]
            changed.append(Binding(uri, Flow(*flow), expires, _q(contact), call_id, cseq, path, agent))
        return changed + self._crowded_out(known, changed, settings.max_contacts, now)

    def _same(self, account_id: int, contact: NameAddr) -> Binding | None:
        """The binding of an equivalent Contact (RFC 3261 §19.1.4)."""
        known = self._bindings.get(account_id, {})
        found = known.get(contact.uri_text)
        if found is not None:
            return found
        uri = contact.uri
        return next((one for one in known.values() if NameAddr(one.uri).uri.same_as(uri)), None)

    def _crowded_out(
        self, known: dict[str, Binding], changed: list[Binding], most: int, now: float
    ) -> list[Binding]:
        """With too many phones, those that would expire first go: a phone that was restarted elsewhere must not be locked out."""
        fresh = {one.uri for one in changed}
        others = sorted(
            (one for one in known.values() if one.uri not in fresh), key=lambda one: one.expires_at
        )
        room = most - sum(one.expires_at > now for one in changed)
        surplus = others[: max(0, len(others) - room)]
        return [
            Binding(one.uri, one.flow, now - 1, one.q, one.call_id, one.cseq, one.path, one.agent)
            for one in surplus
        ]

    def _answer(self, request: Request, account_id: int, now: float) -> list[Header]:
        headers: list[Header] = []
        for one in self.reachable(account_id, now):
            left = max(1, round(one.expires_at - now))
            headers.append(("Contact", f"<{one.uri}>;q={one.q:g};expires={left}"))
        headers += [("Path", path) for path in request.all("Path")]
        return headers


def _wanted(contact: NameAddr, request: Request, settings: Settings) -> int:
    """Seconds that the phone asks for: of the Contact, else of the header, else what the settings say."""
    for asked in (seconds(contact.params.get("expires")), request.expires):
        if asked is not None:
            return asked
    return settings.upperexpire


def _q(contact: NameAddr) -> float:
    """Preference from 0 to 1; 1 when absent or malformed."""
    try:
        return min(1.0, max(0.0, float(contact.params.get("q") or 1)))
    except ValueError:
        return 1.0
