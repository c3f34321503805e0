"""Calls that are up or ringing now, as the switch's workers tell them through Redis, and how to end one.

Read through `apps.core.workers`. Commands to the workers go out on the channel `mizu:control`. Redis away: `LiveCallsUnavailable`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from django.utils import timezone

from apps.core import workers
from apps.users.models import Account
from apps.users.queries import visible_to

CONTROL = "mizu:control"


class LiveCallsUnavailable(RuntimeError):
    """Nobody can say which calls are up now, because Redis does not answer."""


class NoSuchCall(LookupError):
    """The call is over, or was never this account's."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call in progress. Times are aware UTC; `path` are the ids of the caller's accounts from the top down."""

    id: str
    worker: str
    state: str
    started: datetime
    answered: datetime | None
    caller_id: int
    caller: str
    path: tuple[int, ...]
    caller_number: str
    called_number: str
    destination: str
    carrier: str
    rule: str
    codec: str
    media: str
    recorded: bool
    caller_mos: float | None
    called_mos: float | None
    terms: list[Any] | None = None  # of the retail price, packed; empty: nobody pays; None: not told
    free: int = 0  # seconds before the retail price begins

    @property
    def seconds(self) -> int:
        """How long it has been up, or ringing."""
        return max(0, int((timezone.now() - (self.answered or self.started)).total_seconds()))


def current_calls(user: Account) -> list[LiveCall]:
    """Every call that this account may see, the newest first."""
    try:
        calls = [_read(told) for told in workers.calls()]
    except redis.RedisError as error:
        raise LiveCallsUnavailable from error
    if not user.is_staff:
        allowed = set(visible_to(user).values_list("id", flat=True))
        calls = [call for call in calls if call.caller_id in allowed]
    return sorted(calls, key=lambda call: call.started, reverse=True)


def hang_up(*, call_id: str, by: Account) -> None:
    """Ask the worker that carries the call to end it. Errors: NoSuchCall, LiveCallsUnavailable."""
    _order(call_id, by, {"do": "hangup", "call": call_id, "by": by.username})


def log_messages(*, call_id: str, by: Account) -> None:
    """Have the worker write every SIP message of the call to its log from now on. Errors: as `hang_up`."""
    _order(call_id, by, {"do": "trace", "call": call_id})


def record(*, call_id: str, by: Account, on: bool) -> None:
    """Have the worker record the call from now on, or no longer. Errors: as `hang_up`."""
    _order(call_id, by, {"do": "record", "call": call_id, "by": by.username, "on": on})


def _order(call_id: str, by: Account, words: dict[str, Any]) -> None:
    if call_id not in {call.id for call in current_calls(by)}:
        raise NoSuchCall(call_id)
    order = json.dumps(words)
    try:
        listeners = workers.client().publish(CONTROL, order)
    except redis.RedisError as error:
        raise LiveCallsUnavailable from error
    if not listeners:
        raise LiveCallsUnavailable("No switch worker listens.")


def _read(call: dict[str, Any]) -> LiveCall:
    answered = call.get("answered")
    return LiveCall(
        id=call["id"],
        worker=call["worker"],
        state=call["state"],
        started=datetime.fromtimestamp(call["started"], UTC),
        answered=datetime.fromtimestamp(answered, UTC) if answered else None,
        caller_id=call["caller_id"],
        caller=call["caller"],
        path=tuple(call.get("path", ())),
        caller_number=call.get("caller_number", ""),
        called_number=call.get("called_number", ""),
        destination=call.get("destination", ""),
        carrier=call.get("carrier", ""),
        rule=call.get("rule", ""),
        codec=call.get("codec", ""),
        media=call.get("media", ""),
        recorded=call.get("recorded", False),
        caller_mos=call.get("caller_mos"),
        called_mos=call.get("called_mos"),
        terms=call.get("terms"),
        free=call.get("free", 0),
    )
