"""A town whose worker registers with its carriers and asks them whether they are there; time is the test's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from switch.sip.digest import MD5, SHA256, Authenticator, Credentials, Verdict, make_ha1
from switch.sip.message import Request, response_to
from switch.trunks.keeper import Keeper
from switch.trunks.lead import Lead
from tests.switch.call.town import Citizen, Town
from tests.switch.worlds import NOW, Office

REALM = "carrier.example"
LOOK = 50
"""Ticks between two looks of the keeper at the world: one second."""


def login(office: Office, carrier: int, username: str, **fields: Any) -> int:
    """Give the switch an account with the carrier, with the password `pw-USERNAME`."""
    login_id = office.id() + 500
    values = {"priority": 1, "caller_number": "", "registers": True, "expires": 0} | fields
    office.rows["trunk_accounts"].append(
        [
            carrier, login_id, values["priority"], username, REALM,
            make_ha1(username, REALM, f"pw-{username}", MD5), make_ha1(username, REALM, f"pw-{username}", SHA256),
            values["caller_number"], values["registers"], values["expires"],
        ]
    )  # fmt: skip
    return login_id


class TrunkTown(Town):
    """The town with its keeper at work."""

    def __init__(self, folder: Path, change: Callable[[Office], None] | None = None) -> None:
        super().__init__(folder, change)
        self.folder = folder
        self.keeper = Keeper(self.board, Lead(folder / "trunks.lock"), chance=lambda: 0.5)
        self._steps = 0

    def step(self) -> None:
        self._steps += 1
        if self._steps % LOOK == 1:
            self.b2bua.guarded(self.keeper.look)
        super().step()

    def change(self, do: Callable[[Office], None]) -> None:
        """The office changes, and the worker takes the new world over."""
        do(self.office)
        self.world = self.office.world(self.folder / f"world-{self._steps}")


class Registrar:
    """A carrier's registrar on a peer: it challenges, checks and grants."""

    def __init__(self, peer: Citizen, *, algorithm: str = MD5, granted: int | None = None) -> None:
        self.peer, self.granted = peer, granted
        self.algorithm = algorithm
        self.checks = Authenticator(REALM, b"the carrier's own", lifetime=100_000)
        self.checks.algorithms = (algorithm,)

    def wall(self) -> float:
        return NOW + self.peer.town.now

    def challenge(self, request: Request, *, stale: bool = False) -> None:
        asking = [("WWW-Authenticate", one) for one in self.checks.challenges(self.wall(), stale=stale)]
        self.peer.answer(request, 401, headers=asking)

    def right(self, request: Request) -> bool:
        given = Credentials.parse(request.get("Authorization") or "")
        ha1 = make_ha1(given.username, REALM, f"pw-{given.username}", self.algorithm)
        verdict = self.checks.check(given, method="REGISTER", uri=request.uri, ha1=ha1, now=self.wall())
        return verdict is Verdict.GOOD

    def grant(self, request: Request, seconds: int | None = None) -> None:
        asked = request.contact
        assert asked is not None
        granted = seconds if seconds is not None else self.granted
        granted = int(asked.params["expires"] or 0) if granted is None else granted
        kept = [("Contact", f"<{asked.uri_text}>;expires={granted}")] if granted else []
        self.peer.grant(request, kept)

    def admit(self, seconds: float = 8.0) -> Request:
        """One registration from the challenge to the grant; the REGISTER with the proof."""
        first = self.peer.asked("REGISTER", seconds)
        if first.get("Authorization") is None:
            self.challenge(first)
            first = self.peer.asked("REGISTER", seconds)
        assert self.right(first), first.headers
        self.grant(first)
        return first


class Carrier(Citizen):
    """A carrier's server."""

    def grant(self, request: Request, headers: list[tuple[str, str]]) -> None:
        response = response_to(request, 200, None, "granted")
        response.headers += headers
        self.send(response)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Callable[..., TrunkTown]]:
    made: list[TrunkTown] = []

    def build(change: Callable[[Office], None] | None = None) -> TrunkTown:
        made.append(TrunkTown(tmp_path / str(len(made)), change))
        return made[-1]

    yield build
    for one in made:
        assert one.failures == 0
        one.spool.close()
