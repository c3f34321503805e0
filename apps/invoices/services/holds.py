"""Money set aside for calls that run: taking it, and letting go what nobody will settle any more.

`TAKE` and `SETTLE` are also what the switch sends itself, without Django, over its own connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from django.db import connection

#: One batch of requests; parameters: `take_parameters`. One row, one array: the granted micros in their order.
TAKE = "SELECT invoices_take_holds(%s::int[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s, %s::jsonb)"
#: Calls that are over, accounts and the micros by which their balances change, allowances and the micros that were used of
#: them (of free seconds: millionths of a second). One row: the holds let go.
SETTLE = "SELECT invoices_settle(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])"
#: What calls ask of allowances; parameters: `allowance_parameters`. One row, one array: the granted micros in their order.
TAKE_ALLOWANCES = "SELECT invoices_take_allowances(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s)"
#: What calls that have ended used: accounts, when each ended (epoch seconds), micros charged, seconds. No rows.
NOTE_USAGE = "SELECT invoices_note_usage(%s::bigint[], %s::float8[], %s::bigint[], %s::bigint[])"
AT_ONCE = 500


class Refusal(IntEnum):
    """Why a payer was granted nothing."""

    MONEY = 0
    DAY = -1
    MONTH = -2
    DYNAMIC = -3
    FLOOR = -4


class Share(NamedTuple):
    """What one payer of a call is asked for: `wanted` micros, or whatever is left if that is `least` at least.

    `floor`: with less than this to spend, whatever is wanted, nothing.
    """

    account_id: int
    wanted: int
    least: int
    floor: int = 0


class Cap(NamedTuple):
    """What limits an account: micros of a day and of a month, and of a day by earlier ones; None: not limited.

    `times`: so many times the dearest day before, but not less than `floor`. `unchecked`: whatever its balance is.
    """

    day: int | None = None
    month: int | None = None
    times: int | None = None
    floor: int = 0
    unchecked: bool = False


class Request(NamedTuple):
    """A call and all its payers; it is granted whole or not at all. `caps`: those of its payers that have limits."""

    call_id: str
    shares: Sequence[Share | tuple[int, int, int] | tuple[int, int, int, int]]
    caps: Mapping[int, Cap] = MappingProxyType({})


def array(values: Iterable[object]) -> str:
    """A literal of a PostgreSQL array of numbers or ids (nothing that would need quoting)."""
    return "{" + ",".join(map(str, values)) + "}"


def take_parameters(requests: Sequence[Request], worker: str) -> tuple[str, ...]:
    """The parameters of `TAKE`."""
    rows = [
        (number, request.call_id, *Share(*share))
        for number, request in enumerate(requests)
        for share in request.shares
    ]
    caps = {account: _said(cap) for request in requests for account, cap in request.caps.items()}
    return (*map(array, zip(*rows, strict=True)), worker, json.dumps(caps) if caps else "{}")


def allowance_parameters(requests: Sequence[Request], worker: str) -> tuple[str, ...]:
    """The parameters of `TAKE_ALLOWANCES`; the ids of the shares are allowances'."""
    rows = [(request.call_id, *Share(*share)[:3]) for request in requests for share in request.shares]
    return (*map(array, zip(*rows, strict=True)), worker)


def _said(cap: Cap) -> dict[str, int | bool]:
    said: dict[str, int | bool] = {}
    if cap.day is not None:
        said["day"] = cap.day
    if cap.month is not None:
        said["month"] = cap.month
    if cap.times is not None:
        said |= {"times": cap.times, "floor": cap.floor}
    return said | {"unchecked": True} if cap.unchecked else said


def grants(requests: Sequence[Request], granted: Sequence[int]) -> list[dict[int, int]]:
    """Per request: account → granted micros (0 or less: a `Refusal`), from the array that `TAKE` returned."""
    amounts = iter(granted)
    return [{share[0]: next(amounts) for share in request.shares} for request in requests]


def take(*, requests: Sequence[Request], worker: str) -> list[dict[int, int]]:
    """Set money aside for these calls, in the name of this worker; a second hold of a call adds to its first.

    Spendable is the balance, plus the credit limit if postpaid, less what is held already, and no more than the account's
    limits leave; nothing if it is disabled. Returns per request: account → granted micros, or a `Refusal`.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE, take_parameters(requests, worker))
        return grants(requests, cursor.fetchone()[0])


def take_allowances(*, requests: Sequence[Request], worker: str) -> list[dict[int, int]]:
    """Set aside what allowances have left; per request: allowance → granted micros, 0 when there is too little left."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE_ALLOWANCES, allowance_parameters(requests, worker))
        return grants(requests, cursor.fetchone()[0])


def settle_parameters(
    calls: Iterable[str],
    changes: Mapping[int, int] = MappingProxyType({}),
    used: Mapping[int, int] = MappingProxyType({}),
) -> tuple[str, ...]:
    """The parameters of `SETTLE`: micros by account and by allowance."""
    return tuple(map(array, (calls, changes, changes.values(), used, used.values())))


def release(*, call_ids: Sequence[str]) -> int:
    """Let go everything that is held for these calls; the number of holds."""
    if not call_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, settle_parameters(call_ids))
        return int(cursor.fetchone()[0])


def release_worker(*, worker: str) -> int:
    """Let go everything held by a worker that is dead and whose journal is settled; the number of holds."""
    return _release_all(
        "SELECT call_id FROM invoices_hold WHERE worker = %s"
        " UNION SELECT call_id FROM invoices_allowancehold WHERE worker = %s",
        [worker, worker],
    )


def release_settled(*, older_than: float = 60.0) -> int:
    """Let go holds of calls that have a record already; the number of holds.

    That happens when an answer was lost on its way: the worker gave the request up, the database granted it
    after the call had been settled.
    """
    return _release_all(
        "SELECT h.call_id FROM (SELECT call_id, created_at FROM invoices_hold"
        " UNION SELECT call_id, created_at FROM invoices_allowancehold) h JOIN cdrs_cdr c ON c.id = h.call_id"
        " WHERE h.created_at < now() - make_interval(secs => %s) GROUP BY h.call_id",
        [older_than],
    )


def workers_holding(*, node: str) -> set[str]:
    """Labels of this node's workers in whose name money is held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT worker FROM invoices_hold WHERE starts_with(worker, %s)"
            " UNION SELECT worker FROM invoices_allowancehold WHERE starts_with(worker, %s)",
            [f"{node}-", f"{node}-"],
        )
        return {label for (label,) in cursor.fetchall() if label.rsplit("-", 2)[0] == node}


def _release_all(query: str, parameters: Sequence[str | float]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        calls = [str(call) for (call,) in cursor.fetchall()]
    return sum(release(call_ids=calls[i : i + AT_ONCE]) for i in range(0, len(calls), AT_ONCE))
