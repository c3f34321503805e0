"""A call on its way through the stages: what it came with, and what each stage has found so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.dids.engine import Recent
from apps.pricing.engine import Terms
from apps.pricing.engine.payers import Commission, Payer
from apps.pricing.engine.price_lists import VOICE, Origin
from apps.routing.engine import Facts, Plan
from switch.addresses import Addresses
from switch.call.causes import Cause
from switch.call.model import Ask, Caller, CallRequest, Direct, Free, Party, Rejection, Target, TrunkLogin
from switch.habits import Habits
from switch.world.settings import Settings
from switch.world.world import World


class Usage(Protocol):
    """What is up now, counted by whoever holds the calls; the call that is being decided is not counted yet."""

    habits: Habits
    """How accounts have called lately."""
    addresses: Addresses
    """What addresses have called in the current period."""

    def calls(self, account_id: int) -> int:
        """Calls of the account and of everybody below it."""

    def attempts(self, account_id: int) -> int:
        """Calls that they began within the last second."""

    def carrier_calls(self, account_id: int) -> int:
        """Calls that go out through the carrier, those still ringing too."""

    def target_calls(self, target: int) -> int:
        """Calls that go out by the target of a route rule, by its id."""

    def target_attempts(self, target: int) -> int:
        """Calls that were sent by it within the last second."""

    def routed_at(self, account_id: int) -> float:
        """When the carrier last got a call; the smaller, the longer ago."""

    def idle(self, account_id: int) -> float:
        """Seconds since the carrier's last call ended."""

    def carrier_attempts(self, account_id: int) -> int:
        """Calls that were sent to the carrier within the last second."""

    def tried(self, account_id: int, called: str, within: float) -> frozenset[int]:
        """Carriers by which the account had a short call to the number, the last one so many seconds ago at most."""

    def engaged(self, account_id: int) -> int:
        """Calls that the account itself takes part in, those still ringing too."""

    def looked_up(self, question: Ask) -> tuple[Any, ...] | None:
        """What somebody outside has answered; () for nothing; None: nobody was asked."""

    def online(self, account_id: int) -> bool:
        """Whether a phone of the account is registered."""

    @property
    def recent(self) -> Recent:
        """The last calls by shared numbers."""

    def unreachable(self, account_id: int, logins: Sequence[TrunkLogin]) -> str:
        """Why calls to the carrier would fail now; "": as far as is known they do not."""


@dataclass(slots=True)
class Call:
    """The call so far. A stage fills what its docstring says, and reads only what stages before it filled."""

    request: CallRequest
    caller: Caller
    settings: Settings  # as they hold for the caller
    now: float
    usage: Usage
    caller_number: str = ""
    called: str = ""
    tech_prefix: str = ""  # with which the call came, or that it has been given
    caller_display: str = ""  # the caller's name, once something has changed it
    nameless: bool = False  # the name that the caller sent is not shown
    privacy: str = ""  # "hide" or "show" the caller's number, whatever the INVITE asks for
    shown: str = ""  # the caller number that a rule shows
    wanted: int | None = None  # the account of ours that a rule calls
    only: int | None = None  # the carrier that a rule calls
    local: Caller | None = None  # the subscriber of ours who is called
    ringing: tuple[
        tuple[Party, ...], ...
    ] = ()  # where a route rule leads to several: who rings, step by step
    ask: str = ""  # why the caller has to press a key before it is dialled
    service: str = ""  # the setting whose code was dialled
    targets: list[Target] = field(default_factory=list)
    origin: Origin | None = None  # what tariffs are asked with (`origin_of`)
    facts: Facts | None = None  # what route rules were asked with
    plan: Plan[Any] | None = None  # and what came of it, once they were
    payers: list[Payer] = field(default_factory=list)
    other_prices: list[tuple[str, int, Terms]] = field(default_factory=list)
    commission: Commission | None = None
    free: Free | None = None
    destination: str = ""
    reseller_id: int | None = None
    by_callee: bool = False  # who is called pays, and the caller does not
    max_seconds: int = 0
    curious: bool = (
        False  # somebody asks where it would go: every way is looked at, not only as many as would be tried
    )
    inserted: str = ""  # goes before the number that carriers are sent
    first: Caller | None = None  # the carrier that gets the call before all others
    direct: tuple[Direct, ...] = ()  # places that get it before all carriers
    trace: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """A sentence for whoever asks why."""
        self.trace.append(sentence)

    def refuse(self, cause: Cause, detail: str, *, play: str = "") -> Rejection:
        """The call ends here, perhaps after a recording."""
        return Rejection(cause, detail, self.caller, (*self.trace, f"Refused: {detail}."), self.called, play)


def above(call: Call, world: World) -> list[Caller]:
    """The caller and everybody above it, from the caller upwards."""
    found = [world.account(account_id) for account_id in reversed(call.caller.path)]
    return [one for one in found if one is not None]


def origin_of(call: Call, world: World) -> Origin:
    """What tariffs are asked with, once the numbers are known that prices go by."""
    if call.origin is None:
        caller, trunk = call.caller, call.request.trunk
        call.origin = Origin(
            call.caller_number,
            VOICE,
            (*caller.path, trunk) if trunk else caller.path,
            world.groups_of(caller),
            call.tech_prefix,
        )
    return call.origin
