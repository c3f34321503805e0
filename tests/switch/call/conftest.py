"""One worker for all tests of calls, with an office in memory and its payers in PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.support import free_ports
from tests.support_sip import Peer, Switch, credential
from tests.switch.worlds import Office, write

MICRO = 1_000_000


@dataclass
class House:
    """The worker, and who is known to it."""

    switch: Switch
    office: Office
    ports: dict[str, int]
    """Source ports of trunks, and ports of carriers."""
    ids: dict[str, int]

    def peer(self, name: str) -> Peer:
        return Peer(self.switch.port, name, port=self.ports.get(name, 0))


def fund(username: str, amount: str, kind: str = "customer_trunk") -> int:
    """An account in the database with so much money; its id."""
    from apps.invoices.models import EntryKind
    from apps.invoices.services.ledger import post
    from apps.users.models import Account

    account = Account.objects.create(username=f"{username}-{uuid4().hex[:8]}", kind=kind)
    if Decimal(amount):
        post(account=account, amount=Decimal(amount), kind=EntryKind.CORRECTION, text="opening balance")
    return int(account.pk)


def database_url() -> str:
    """The test database, for another process."""
    from django.db import connection

    given = connection.get_connection_params()
    user, host = given.get("user", ""), given.get("host", "")
    at = f"{quote(user, safe='')}:{quote(given.get('password', ''), safe='')}@"
    port = f"&port={given['port']}" if given.get("port") else ""
    return f"postgres://{at}/{given['dbname']}?host={host}{port}"


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    with opened(django_db_blocker) as found:
        yield found


def furnish(
    var: Path,
    *,
    redis_url: str = "",
    change: Callable[[Office], None] | None = None,
    workers: int = 1,
    env: Mapping[str, str] | None = None,
) -> House:
    """An office: trunks `rich`, `poor` (10 seconds of money) and `free` (relay); carriers `one` and `two`; phones 1001 and 1002."""
    first = free_ports(6)
    names = ["rich", "poor", "broke", "relayed", "one", "two"]
    ports = dict(zip(names, range(first, first + 6), strict=True))
    office = Office()
    ids: dict[str, int] = {}
    money = {"rich": "100000", "poor": "3", "broke": "0", "relayed": "1000"}
    funded = {name: fund(name, amount) for name, amount in money.items()}
    for name, account in sorted(funded.items(), key=lambda one: one[1]):
        office._last = account - 1
        ids[name] = office.account(name, "customer_trunk", media="relay" if name == "relayed" else "direct")
        assert ids[name] == account
        office.address(account, "127.0.0.1", ports[name])
    office._last = 100_000
    retail = {"": 60 * MICRO, "36": 60 * MICRO, "49": 600_000}
    for name in money:
        office.tariff("retail", retail, to=ids[name])
    for place, name in enumerate(("one", "two")):
        ids[name] = office.carrier(name, {"": 1000 + place}, media="direct")
        office.rows["trunks"][-1][1:4] = ["127.0.0.1", ports[name], "udp"]
        office.rows["trunks"][-1][7:9] = [4, 1]
    office.rule("all", ids["one"], ids["two"])
    for user in ("1001", "1002"):
        ids[user] = office.account(user, media="direct")
        office.rows["credentials"].append(credential(user, f"secret-{user}", ids[user]))
    office.settings["useshadigestauh"] = "both"
    office.settings["ringtimeout"] = 5
    office.settings["hold_seconds"] = 5
    office.settings["hold_extend_before"] = 2
    office.settings["failover_repeat_seconds"] = 0  # tests call one number again and again, for a moment
    if change is not None:
        change(office)
    write(office, var / "world")
    return House(Switch(var, database_url(), redis_url, workers=workers, **(env or {})), office, ports, ids)


@contextmanager
def opened(blocker: Any, **wanted: Any) -> Iterator[House]:
    """A house with open doors; at its end nothing may have failed inside."""
    with blocker.unblock(), tempfile.TemporaryDirectory() as folder:
        found = furnish(Path(folder), **wanted)
        found.switch.start()
        yield found
        code = found.switch.stop()
        log = found.switch.log()
        assert code == 0, log
        assert log.count("'failures': 0") == found.switch.workers, log
        assert "Traceback" not in log, log


@pytest.fixture
def peers(house: House) -> Iterator[Callable[[str], Peer]]:
    made: dict[str, Peer] = {}

    def get(name: str) -> Peer:
        if name not in made:
            made[name] = house.peer(name)
        return made[name]

    yield get
    for peer in made.values():
        peer.close()


@pytest.fixture
def rich(peers: Callable[[str], Peer]) -> Peer:
    """A trunk with money, its media direct."""
    return peers("rich")


@pytest.fixture
def one(peers: Callable[[str], Peer]) -> Peer:
    """The cheaper carrier."""
    return peers("one")


@pytest.fixture
def two(peers: Callable[[str], Peer]) -> Peer:
    """The dearer carrier."""
    return peers("two")
