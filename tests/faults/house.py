"""The accounts of the fault tests, made inside an instance as an operator would make them.

`prepare` runs in the instance's own Django; `Books` looks at what it has written, from outside.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.pricing.engine import Band, Terms, rate, tiers
from tests.instance import Instance
from tests.support import wait_for

NUMBER = "36201234567"
PREFIX = "36"
RETAIL, WHOLESALE = "0.60", "0.30"
LOOP = "99"
"""Numbers that begin so go to a carrier whose address is our own."""
TWO_PAYERS, ONE_BALANCE = "881", "882"
"""Tech prefixes: a prepaid trunk below a prepaid reseller, and the prepaid trunk that runs out of money."""
VAT = Decimal(20)
MICROS = 1_000_000
PAYERS = ("faults-trunk", "faults-reseller")


def prepare() -> None:
    """Make the accounts and print their ids as JSON."""
    from django.db import transaction

    from apps.pricing import services as pricing
    from apps.users import services as users
    from apps.users.models import Account
    from tests import make

    with transaction.atomic():
        company = Account.objects.get(username="company")
        retail = make.tariff(prices={PREFIX: RETAIL, LOOP: RETAIL}, first_increment=1, next_increment=1)
        wholesale = make.tariff(
            "reseller", prices={PREFIX: WHOLESALE, LOOP: WHOLESALE}, first_increment=1, next_increment=1
        )
        reseller = make.reseller(
            username="faults-reseller", parent=company, balance="1000", billing="prepaid", vat_rate=VAT
        )
        pricing.assign_tariff(account=reseller, tariff=wholesale)
        # Direct, because SIPp sends no sound, and a relayed call without any is ended after a while.
        common = {"billing": "prepaid", "vat_rate": VAT, "addresses": ["127.0.0.1"]}
        trunk = make.customer_trunk(
            username="faults-trunk", parent=reseller, balance="1000", tech_prefix=TWO_PAYERS, **common
        )
        single = make.customer_trunk(
            username="one-balance", parent=company, tech_prefix=ONE_BALANCE, **common
        )
        for payer in (trunk, single):
            pricing.assign_tariff(account=make.direct(payer), tariff=retail)
        for carrier in Account.objects.filter(kind="carrier"):
            make.direct(carrier)
        loop = make.direct(make.carrier(username="loop-carrier", parent=company, price="0.01"))
        users.set_trunk(
            account=loop, host="127.0.0.1", port=int(os.environ["MIZU_SIP_PORT"]), prefix=TWO_PAYERS
        )
        make.rule(loop, name="loop", priority=1, called_prefixes=LOOP)
        ids = {one.username: one.pk for one in (reseller, trunk, single)}
    print(json.dumps(ids))


def made(instance: Instance) -> dict[str, int]:
    """User name → id of the accounts, made in this instance."""
    printed = instance.manage("shell", "-v", "0", "-c", "from tests.faults import house; house.prepare()")
    found: dict[str, int] = json.loads(printed.strip().splitlines()[-1])
    return found


def set_setting(instance: Instance, **values: str | int) -> None:
    """Give settings other values than they have, in this order, and wait until all workers go by them."""
    words = "; ".join(f"set_value(key={key!r}, value={value!r})" for key, value in values.items())
    instance.manage(
        "shell", "-v", "0", "-c",
        "from apps.config.services import set_value; from django.db import transaction\n"
        f"with transaction.atomic(): {words}",
    )  # fmt: skip
    instance.catch_up()


def terms(price: str) -> Terms:
    """The price list of the tests, as the engine takes it."""
    micros = int(Decimal(price) * MICROS)
    band = Band(None, 0, PREFIX, 0, tiers(micros))
    return Terms(bands=(band,), currency="EUR", vat_ppm=int(VAT * 10_000))


@dataclass(frozen=True, slots=True)
class Books:
    """What an instance has written about calls and money."""

    instance: Instance
    accounts: dict[str, int]

    def records(self, calls: Iterable[str]) -> list[tuple[Any, ...]]:
        """Of answered calls: Call-ID, id, answered, seconds, cause."""
        return self.instance.sql(
            "SELECT sip_call_id, id::text, extract(epoch FROM answered_at)::float8, duration, hangup_cause"
            " FROM cdrs_cdr WHERE answered_at IS NOT NULL AND sip_call_id = ANY(%s)",
            [list(calls)],
        )

    def wait_settled(self, calls: Iterable[str], seconds: float = 30) -> list[tuple[Any, ...]]:
        """Until each of these answered calls has a record and nothing is held for anybody; the records."""
        wanted = set(calls)

        def missing() -> set[str]:
            return wanted - {row[0] for row in self.records(wanted)}

        try:
            wait_for(
                lambda: not missing() and not self.held(), seconds, "records and the release of all holds"
            )
        except AssertionError as error:
            raise AssertionError(
                f"{error}: {len(missing())} of {len(wanted)} calls without a record, {self.held()} holds"
            ) from None
        return self.records(wanted)

    def held(self) -> int:
        """How many holds there are; balances that say that something is held count as well."""
        ((number,),) = self.instance.sql(
            "SELECT (SELECT count(*) FROM invoices_hold) + (SELECT count(*) FROM invoices_balance WHERE held <> 0)"
        )
        return int(number)

    def prove(
        self, calls: Iterable[str], payers: dict[str, str], seconds: float = 30
    ) -> list[tuple[Any, ...]]:
        """Each of these answered calls is recorded once and charged once to each payer, by the engine's price.

        `payers`: user name → price a minute. Returns the records.
        """
        wanted = set(calls)
        assert wanted, "no call was answered: the test has tried nothing"
        rows = self.wait_settled(wanted, seconds)
        twice = [call for call, number in Counter(row[0] for row in rows).items() if number != 1]
        assert not twice, f"more than one record of {twice}"
        entries = self._entries([row[1] for row in rows])
        billed = self._billed([row[1] for row in rows])
        for _, call, answered, duration, cause in rows:
            for name, price in payers.items():
                account = self.accounts[name]
                paid = billed[call, account]
                assert paid <= duration and (paid == duration or cause == "balance_used_up"), (
                    f"call {call} lasted {duration} s, {name} is billed {paid} s"
                )
                due = rate(terms(price), answered, paid).gross
                expected = [-due] if due else []
                assert entries[call, account] == expected, (
                    f"{name} was charged {entries[call, account]} micros for {paid} s of {call}, due was {due}"
                )
        self.prove_ledger()
        return rows

    def prove_ledger(self) -> None:
        """`manage.py check_ledger` finds nothing, and no prepaid account owes anything."""
        self.instance.manage("check_ledger")
        poor = self.instance.sql(
            "SELECT a.username, b.amount FROM invoices_balance b JOIN users_account a ON a.id = b.account_id"
            " WHERE a.billing = 'prepaid' AND b.amount < 0"
        )
        assert not poor, f"prepaid accounts below zero: {poor}"

    def _entries(self, calls: list[str]) -> defaultdict[tuple[str, int], list[int]]:
        found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for call, account, micros in self.instance.sql(
            "SELECT call_id::text, account_id, (amount * 1000000)::bigint FROM invoices_ledgerentry"
            " WHERE kind = 'call' AND call_id = ANY(%s::uuid[])",
            [calls],
        ):
            found[call, account].append(micros)
        return found

    def _billed(self, calls: list[str]) -> dict[tuple[str, int], int]:
        return {
            (call, account): seconds
            for call, account, seconds in self.instance.sql(
                "SELECT call_id::text, account_id, billed_seconds FROM cdrs_cdrprice"
                " WHERE kind IN ('retail', 'reseller') AND call_id = ANY(%s::uuid[])",
                [calls],
            )
        }
