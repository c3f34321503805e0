"""A call on its way through the stages: what it came with, and what each stage has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from apps.pricing.engine import Terms
from switch.call.causes import Cause
from switch.call.model import Caller, CallRequest, Commission, Payer, Rejection, Target
from switch.world.world import World


class Usage(Protocol):
    """What is up now, counted by whoever holds the calls; the call that is being decided is not counted yet."""

    def calls(self, account_id: int) -> int:
        """Calls of the account and of everybody below it."""

    def attempts(self, account_id: int) -> int:
        """Calls that they began within the last second."""

    def carrier_calls(self, account_id: int) -> int:
        """Calls that go out through the carrier, those still ringing too."""


@dataclass(slots=True)
class Call:
    """The call so far. A stage fills what its docstring says, and reads only what stages before it filled."""

    request: CallRequest
    caller: Caller
    now: float
    usage: Usage
    caller_number: str = ""
    called: str = ""
    billing: Caller | None = None  # who pays the retail price
    local: Caller | None = None  # the subscriber of ours who is called
    targets: list[Target] = field(default_factory=list)
    payers: list[Payer] = field(default_factory=list)
    other_prices: list[tuple[str, int, Terms]] = field(default_factory=list)
    commission: Commission | None = None
    destination: str = ""
    reseller_id: int | None = None
    max_seconds: int = 0
    trace: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """A sentence for whoever asks why."""
        self.trace.append(sentence)

    def refuse(self, cause: Cause, detail: str) -> Rejection:
        """The call ends here."""
        return Rejection(cause, detail, self.caller, (*self.trace, f"Refused: {detail}."))


def above(call: Call, world: World) -> list[Caller]:
    """The caller and everybody above it, from the caller upwards."""
    found = [world.account(account_id) for account_id in reversed(call.caller.path)]
    return [one for one in found if one is not None]
