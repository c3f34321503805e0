"""What a worker knows of trunks now: who is down, which of our registrations stand, whose account is next.

The worker that leads fills it; the others are told the same through Redis, and know nothing (then everybody counts
as up) when Redis or the leader has been away for a while.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from switch.call.model import TrunkLogin
from switch.trunks.registration import State

TrunkStates = dict[str, dict[str, Any]]
"""`carriers`: account id → up, since, detail. `logins`: account with a carrier → carrier, state, since, until, detail, host, routes."""

_MAC = 16
REST = 600.0
"""Seconds for which an account is not used whose calls the carrier refuses."""


class Trunks:
    """The knowledge of one worker. `secret` is the installation's: any worker knows the calls that registrations bring."""

    def __init__(self, secret: bytes = b"", clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[int, int] = {}
        self._rests: dict[int, float] = {}
        self._secret = hashlib.sha256(b"line:" + (secret or os.urandom(32))).digest()
        self._down: dict[int, str] = {}
        self._states: dict[int, str] = {}
        self._hosts: dict[str, int] = {}
        self._routes: dict[int, tuple[str, ...]] = {}
        self._turns: dict[tuple[int, int], int] = {}

    def told(self, states: TrunkStates) -> None:
        """What holds now, instead of everything before."""
        self._down = {
            int(carrier): f"it has not answered since {one['since_text']}"
            for carrier, one in states.get("carriers", {}).items()
            if not one["up"]
        }
        logins = states.get("logins", {})
        self._states = {int(login): one["state"] for login, one in logins.items()}
        self._routes = {
            int(login): tuple(one["routes"]) for login, one in logins.items() if one.get("routes")
        }
        self._hosts = {one["host"]: int(one["carrier"]) for one in logins.values() if one["host"]}

    # --- calls out --------------------------------------------------------------------------------------------------------------

    def unreachable(self, carrier: int, logins: Sequence[TrunkLogin]) -> str:
        """Why calls to the carrier would fail now, as far as is known; "": they should not."""
        if carrier in self._down:
            return self._down[carrier]
        if logins and not any(self._usable(one) for one in logins):
            return "none of our accounts with it can be used"
        return ""

    def down(self, carrier: int) -> bool:
        """Whether the carrier is asked whether it is there, and does not answer."""
        return carrier in self._down

    def login(self, logins: Sequence[TrunkLogin]) -> TrunkLogin | None:
        """The account to call by: of those that stand the ones of the lowest priority, taking turns; if none does, of all."""
        usable = [one for one in logins if self._usable(one)] or list(logins)
        if not usable:
            return None
        first = usable[0].priority
        equal = [one for one in usable if one.priority == first]
        key = (usable[0].carrier, first)
        turn = self._turns[key] = self._turns.get(key, -1) + 1
        return equal[turn % len(equal)]

    def routes(self, login_id: int) -> tuple[str, ...]:
        """The proxies that calls by this account must pass, as the server that we registered with said."""
        return self._routes.get(login_id, ())

    def failed(self, login_id: int, most: int) -> None:
        """The carrier refused a call by this account: after so many one after the other it is left alone for a while."""
        failures = self._failures[login_id] = self._failures.get(login_id, 0) + 1
        if failures >= most:
            self._rests[login_id] = self._clock() + REST
            self._failures[login_id] = 0

    def worked(self, login_id: int) -> None:
        """A call by it was answered."""
        self._failures.pop(login_id, None)
        self._rests.pop(login_id, None)

    def _usable(self, login: TrunkLogin) -> bool:
        """One that nothing is known of yet may be used: the leader may just have begun."""
        if self._rests.get(login.id, 0.0) > self._clock():
            return False
        return not login.registers or self._states.get(login.id, State.REGISTERED) in {
            State.REGISTERED,
            State.NEW,
        }

    # --- calls in ---------------------------------------------------------------------------------------------------------------

    def line(self, login_id: int) -> str:
        """What our Contact with a server bears, so that calls that come by it are known; nobody else can make it up."""
        return f"{login_id}-{self._mac(login_id)}"

    def login_of(self, line: str) -> int | None:
        """The account that a Contact of ours was registered for."""
        login, _, mac = line.partition("-")
        if not (login.isascii() and login.isdigit() and len(login) <= 12):
            return None
        return int(login) if hmac.compare_digest(mac.encode(), self._mac(int(login)).encode()) else None

    def registrar_at(self, host: str) -> int | None:
        """The carrier whose server at that address we are registered with."""
        return self._hosts.get(host)

    def _mac(self, login_id: int) -> str:
        return hmac.new(self._secret, str(login_id).encode(), "sha256").hexdigest()[:_MAC]
