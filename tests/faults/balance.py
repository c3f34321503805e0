"""Many calls at once on one prepaid account until its money is gone; what has to be true all the way.

The account buys whole seconds. Each call has `slice` seconds held, and asks for the next ones before they are
over. So, when all calls have been cut:

    0 <= balance < (calls + 1) * price of one second

because every call has used all the whole seconds that its grants paid for (what is left of them is less than a
second each), and whoever asked last was refused because there was less than one second's price.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Self

import psycopg2

from apps.pricing.engine import rate
from tests.faults.conftest import System
from tests.faults.house import MICROS, ONE_BALANCE, RETAIL, set_setting, terms
from tests.instance import Instance
from tests.support import wait_for

ACCOUNT = "one-balance"
SECOND = Decimal(rate(terms(RETAIL), 1_800_000_000, 1).gross) / MICROS
EVERY = 0.1


@dataclass(slots=True)
class Sampler:
    """Looks at the account each 100 ms over a connection of its own."""

    instance: Instance
    account: int
    lowest: Decimal = Decimal("Infinity")
    number: int = 0
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join(10)

    def _look(self) -> None:
        connection = psycopg2.connect(
            host=str(self.instance.place.sockets), dbname="mizu", user="postgres", application_name="sampler"
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not self._over.wait(EVERY):
                cursor.execute(
                    "SELECT amount - held FROM invoices_balance WHERE account_id = %s", [self.account]
                )
                self.lowest = min(self.lowest, cursor.fetchone()[0])
                self.number += 1
        connection.close()


def run_dry(system: System, *, calls: int, seconds: int, hold: int, before: int) -> str:
    """`calls` calls at once with money for `seconds` seconds of all; a sentence about what happened."""
    instance, books = system.instance, system.books
    account = books.accounts[ACCOUNT]
    if (hold, before) != (60, 15):
        set_setting(instance, hold_extend_before=before, hold_seconds=hold)
    money = SECOND * calls * seconds + SECOND / 2  # so that the last grant is less than was asked for
    _pay(instance, money)
    ((opening,),) = instance.sql("SELECT amount FROM invoices_balance WHERE account_id = %s", [account])
    with (
        Sampler(instance, account) as sampler,
        system.carrier(ring=(0, 50), talk=seconds * 2 + 60) as _,
        system.calls(ONE_BALANCE, rate=50, at_once=calls, talk=seconds * 2 + 60, total=calls) as caller,
    ):
        answered = caller.wait("answered", calls, 30)
        cut = caller.wait("cut", calls, seconds + 60)
        wait_for(lambda: not books.held(), 15, "everything held to be let go")
    rows = books.prove(answered, {ACCOUNT: RETAIL})
    _prove_cut(system, answered, cut, {row[0]: row[1] for row in rows})
    ((left,),) = instance.sql("SELECT amount FROM invoices_balance WHERE account_id = %s", [account])
    workers = instance.sql(
        "SELECT count(DISTINCT worker) FROM cdrs_cdr WHERE sip_call_id = ANY(%s)", [list(answered)]
    )
    assert workers == [(2,)], "all calls were on one worker"
    assert sampler.number > seconds * 5, f"only {sampler.number} samples"
    assert sampler.lowest >= 0, f"{-sampler.lowest} more was promised than there was"
    assert 0 <= left < (calls + 1) * SECOND, f"{left} of {opening} is left"
    return f"{calls} calls, {opening} at first, {left} at last, never less than {sampler.lowest} in {sampler.number} samples"


def _prove_cut(system: System, answered: dict[str, int], cut: dict[str, int], ids: dict[str, str]) -> None:
    """By the caller's own clock: each call ends within a second of what it has paid for."""
    paid = dict(
        system.instance.sql(
            "SELECT call_id::text, billed_seconds FROM cdrs_cdrprice WHERE kind = 'retail' AND call_id = ANY(%s::uuid[])",
            [list(ids.values())],
        )
    )
    for call, began in answered.items():
        lasted = (cut[call] - began) / 1000
        assert abs(lasted - paid[ids[call]]) <= 1, (
            f"{call} lasted {lasted} s and has paid {paid[ids[call]]} s"
        )


def _pay(instance: Instance, amount: Decimal) -> None:
    instance.manage(
        "shell", "-v", "0", "-c",
        "from decimal import Decimal; from apps.invoices.services import payments; from apps.users.models import Account; "
        f"payments.enter(account=Account.objects.get(username={ACCOUNT!r}), amount=Decimal({str(amount)!r}), method='cash')",
    )  # fmt: skip
