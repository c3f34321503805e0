"""Money set aside for calls that run: taking it, and letting go what nobody will settle any more.

`TAKE` and `SETTLE` are also what the switch sends itself, without Django, over its own connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connection

#: One batch of requests; parameters: `take_parameters`. One row, one array: the granted micros in their order.
TAKE = "SELECT invoices_take_holds(%s::int[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s)"
#: Calls that are over, accounts and the micros by which their balances change. One row: the holds let go.
SETTLE = "SELECT invoices_settle(%s::uuid[], %s::bigint[], %s::bigint[])"
AT_ONCE = 500


class Share(NamedTuple):
    """What one payer of a call is asked for: `wanted` micros, or whatever is left if that is `least` at least."""

    account_id: int
    wanted: int
    least: int


class Request(NamedTuple):
    """A call and all its payers; it is granted whole or not at all."""

    call_id: str
    shares: Sequence[Share | tuple[int, int, int]]


def array(values: Iterable[object]) -> str:
    """A literal of a PostgreSQL array of numbers or ids (nothing that would need quoting)."""
    return "{" + ",".join(map(str, values)) + "}"


def take_parameters(requests: Sequence[Request], worker: str) -> tuple[str, ...]:
    """The parameters of `TAKE`."""
    rows = [
        (number, request.call_id, *share)
        for number, request in enumerate(requests)
        for share in request.shares
    ]
    return (*map(array, zip(*rows, strict=True)), worker)


def grants(requests: Sequence[Request], granted: Sequence[int]) -> list[dict[int, int]]:
    """Per request: account → granted micros (0: refused), from the array that `TAKE` returned."""
    amounts = iter(granted)
    return [{share[0]: next(amounts) for share in request.shares} for request in requests]


def take(*, requests: Sequence[Request], worker: str) -> list[dict[int, int]]:
    """Set money aside for these calls, in the name of this worker; a second hold of a call adds to its first.

    Spendable is the balance, plus the credit limit if postpaid, less what is held already; nothing if the
    account is disabled. Returns per request: account → granted micros.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE, take_parameters(requests, worker))
        return grants(requests, cursor.fetchone()[0])


def release(*, call_ids: Sequence[str]) -> int:
    """Let go everything that is held for these calls; the number of holds."""
    if not call_ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, (array(call_ids), "{}", "{}"))
        return int(cursor.fetchone()[0])


def release_worker(*, worker: str) -> int:
    """Let go everything held by a worker that is dead and whose journal is settled; the number of holds."""
    return _release_all("SELECT DISTINCT call_id FROM invoices_hold WHERE worker = %s", [worker])


def release_settled(*, older_than: float = 60.0) -> int:
    """Let go holds of calls that have a record already; the number of holds.

    That happens when an answer was lost on its way: the worker gave the request up, the database granted it
    after the call had been settled.
    """
    return _release_all(
        "SELECT DISTINCT h.call_id FROM invoices_hold h JOIN cdrs_cdr c ON c.id = h.call_id"
        " WHERE h.created_at < now() - make_interval(secs => %s)",
        [older_than],
    )


def workers_holding(*, node: str) -> set[str]:
    """Labels of this node's workers in whose name money is held."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT worker FROM invoices_hold WHERE starts_with(worker, %s)", [f"{node}-"]
        )
        return {label for (label,) in cursor.fetchall() if label.rsplit("-", 2)[0] == node}


def _release_all(query: str, parameters: Sequence[str | float]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        calls = [str(call) for (call,) in cursor.fetchall()]
    return sum(release(call_ids=calls[i : i + AT_ONCE]) for i in range(0, len(calls), AT_ONCE))
