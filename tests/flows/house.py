"""The running instance as the flow tests use it: its API as an administrator, its records, and its money."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from mizu_site.demo.phone import Phone, account
from tests.instance import Instance
from tests.support import wait_for

Row = dict[str, Any]
STEP = Decimal("0.0001")
"""Tariffs of the demo data round to four decimals."""


def cost(seconds: int, a_minute: str, vat_percent: int = 0) -> Decimal:
    """What a call by the second costs with VAT, as on paper."""
    net = (Decimal(a_minute) * seconds / 60).quantize(STEP, ROUND_HALF_UP)
    return net + (net * vat_percent / 100).quantize(STEP, ROUND_HALF_UP)


@dataclass(frozen=True)
class Record:
    """A CDR with what belongs to it. Prices: kind → (user name, gross); charges: user name → amount of the entry."""

    cdr: Row
    prices: dict[str, tuple[str, Decimal]]
    unit_prices: dict[str, Decimal]
    charges: dict[str, Decimal]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.cdr[name]
        except KeyError:
            raise AttributeError(name) from None


class House:
    """What tests ask of the instance."""

    def __init__(self, instance: Instance, folder: Path) -> None:
        self.instance, self.folder = instance, folder
        self.sip = instance.sip_port
        self.token = instance.manage("token", "admin").strip()
        self.ids: dict[str, int] = dict(instance.sql("select username, id from users_account"))

    # --- the office -------------------------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, body: Row | None = None) -> Any:
        """One request of the administrator; the answer's JSON. An error of the server fails the test."""
        request = urllib.request.Request(
            f"{self.instance.url}api/v1/{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Token {self.token}", "Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def change(self, method: str, path: str, body: Row) -> Any:
        """An API request that the switch must know of: returns when all workers route by it."""
        answer = self.api(method, path, body)
        self.instance.catch_up()
        return answer

    def subscriber(self, username: str, *, money: str, **fields: Any) -> str:
        """Open a prepaid subscriber of the company with so much money; its SIP password."""
        secret = f"secret-of-{username}-x7"
        if username not in self.ids:
            values = {"username": username, "kind": "subscriber", "parent": self.ids["company"],
                      "sip_password": secret, "currency": "EUR", **fields}  # fmt: skip
            self.ids[username] = self.change("POST", "accounts/", values)["id"]
            if Decimal(money):
                payment = {"account": self.ids[username], "amount": money, "method": "cash"}
                self.api("POST", "payments/", payment)
        return secret

    def port(self, carrier: str) -> int:
        """Where the switch expects this carrier."""
        statement = "select port from users_trunk where account_id = %s"
        return int(self.instance.sql(statement, [self.ids[carrier]])[0][0])

    def balance(self, username: str) -> Decimal:
        statement = "select amount from invoices_balance where account_id = %s"
        return Decimal(self.instance.sql(statement, [self.ids[username]])[0][0])

    def held(self, username: str) -> Decimal:
        """What running calls have set aside."""
        statement = "select held from invoices_balance where account_id = %s"
        return Decimal(self.instance.sql(statement, [self.ids[username]])[0][0])

    # --- records ----------------------------------------------------------------------------------------------------------------

    def record(self, call_id: str, seconds: float = 8) -> Record:
        """The record of the call with this Call-ID of the caller's."""
        return wait_for(lambda: self.records(call_id), seconds, f"the record of {call_id}")[0]

    def sip_messages(self, record: Record) -> list[Row]:
        """What the office keeps of the call's messages; nothing while they are on their way."""
        try:
            rows: list[Row] = self.api("GET", f"cdrs/{record.id}/sip/")
        except AssertionError as error:
            assert ": 404 " in str(error), error
            return []
        return rows

    def records(self, call_id: str) -> list[Record]:
        """All records whose Call-ID begins so, the oldest first."""
        found = self._rows("select row_to_json(c)::text from cdrs_cdr c where starts_with(sip_call_id, %s)"
                           " order by started_at", call_id)  # fmt: skip
        return [self._complete(cdr) for cdr in found]

    def _complete(self, cdr: Row) -> Record:
        names = {number: name for name, number in self.ids.items()}
        prices = self._rows("select row_to_json(p)::text from cdrs_cdrprice p where call_id = %s", cdr["id"])
        entries = self._rows(
            "select row_to_json(e)::text from invoices_ledgerentry e where call_id = %s", cdr["id"]
        )
        return Record(
            cdr | {"caller": names.get(cdr["caller_id"]), "carrier": names.get(cdr["carrier_id"])},
            {price["kind"]: (names[price["account_id"]], price["gross"]) for price in prices},
            {price["kind"]: price["unit_price"] for price in prices},
            {names[entry["account_id"]]: entry["amount"] for entry in entries},
        )

    def _rows(self, statement: str, value: object) -> list[Row]:
        found = self.instance.sql(statement, [value])
        return [json.loads(text, parse_float=Decimal) for (text,) in found]

    def attempts(self, record: Record) -> list[tuple[str, int]]:
        """(carrier, status) of every target that was tried, in order."""
        names = {number: name for name, number in self.ids.items()}
        return [(names[int(who)], int(status)) for who, status, *_ in record.attempts]

    # --- phones -----------------------------------------------------------------------------------------------------------------

    @cached_property
    def passwords(self) -> dict[str, str]:
        """Of the phones of the demo data."""
        return {
            one["username"]: one["password"]
            for one in self.instance.logins()
            if one["what"].startswith("phone")
        }

    def phone(self, user: str, *, tone: int = 440, answer: str = "manual", transport: str = "udp") -> Phone:
        """A phone that will register as this subscriber; use `registered`."""
        line = account(user, f"127.0.0.1:{self.sip}", password=self.passwords[user], seconds=300, answer=answer,
                       transport=transport)  # fmt: skip
        return Phone(self.folder / f"phone-{user}-{time.monotonic_ns()}", [line], tone=tone)

    def registered_at(self, user: str) -> str:
        """The worker that took the latest registration of this account: `worker-1`."""
        latest: dict[str, str] = {}
        for name in ("worker-1", "worker-2"):
            for line in self.instance.log(name).splitlines():
                if f"account={user} registered" in line:
                    latest[name] = re.split(r"\s+(?:DEBUG|INFO) ", line)[0]
        return max(latest, key=lambda name: latest[name])
