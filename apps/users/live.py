"""Where phones are now, and how carriers stand, as the switch's workers tell through Redis; and how to unregister a phone.

- `mizu:registrations:<account>`: a hash, contact → JSON (`switch.registrar`); it expires with the last registration in it.
- `mizu:trunks:<node>`: JSON of the worker that asks the carriers and registers with them (`switch.trunks.states`).
- `mizu:waiting`: a hash, account → [new, old] voice messages.
Redis away: `SwitchUnavailable`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import redis
from django.utils import timezone

from apps.core import workers

if TYPE_CHECKING:  # the switch's workers, who import this too, know no models
    from apps.users.models import Account

REGISTRATIONS, TRUNKS, CONTROL, WAITING = "mizu:registrations", "mizu:trunks:", "mizu:control", "mizu:waiting"
MOST_WAITING = 9999
BATCH = 500


class SwitchUnavailable(RuntimeError):
    """Nobody can say what the switch knows now, because Redis or the switch does not answer."""


class NoSuchPhone(LookupError):
    """That contact is not registered, or not any more."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that is registered. `address` is where its REGISTER came from."""

    account_id: int
    contact: str
    address: str
    transport: str
    agent: str
    seen: datetime
    expires: datetime
    seconds: int  # that were agreed


@dataclass(frozen=True, slots=True)
class Upper:
    """A registration of ours with a carrier."""

    id: int
    username: str
    state: str
    since: datetime | None
    until: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class CarrierState:
    """How a carrier stands on one node. `up` is None where nobody asks it."""

    node: str
    carrier_id: int
    up: bool | None
    since: datetime | None
    detail: str
    uppers: tuple[Upper, ...]


def phones_of(account_ids: Iterable[int]) -> list[Phone]:
    """The registered phones of these accounts, the one that was seen last first."""
    ids = list(account_ids)
    try:
        with workers.client().pipeline(transaction=False) as pipe:
            for account in ids:
                pipe.hvals(f"{REGISTRATIONS}:{account}")
            found = pipe.execute()
    except redis.RedisError as error:
        raise SwitchUnavailable from error
    now = timezone.now()
    phones = [_phone(account, blob) for account, blobs in zip(ids, found, strict=True) for blob in blobs]
    return sorted((one for one in phones if one.expires > now), key=lambda one: one.seen, reverse=True)


def all_phones() -> Iterator[Phone]:
    """Every registered phone, account by account, a few hundred at a time."""
    try:
        batch: list[int] = []
        for key in workers.client().scan_iter(REGISTRATIONS + ":*", count=1000):
            batch.append(int(key.decode().rpartition(":")[2]))
            if len(batch) >= BATCH:
                yield from phones_of(batch)
                batch = []
        if batch:
            yield from phones_of(batch)
    except redis.RedisError as error:
        raise SwitchUnavailable from error


def accounts_in_calls() -> set[int]:
    """The accounts that call or are called now."""
    try:
        calls = workers.calls()
    except redis.RedisError as error:
        raise SwitchUnavailable from error
    return {one[name] for one in calls for name in ("caller_id", "called_id") if one.get(name)}


def unregister(*, account: Account, contact: str, by: Account) -> None:
    """Have the switch forget a phone, until it registers again. Errors: NoSuchPhone, SwitchUnavailable."""
    if contact not in {one.contact for one in phones_of([account.pk])}:
        raise NoSuchPhone(contact)
    order = {"do": "unregister", "account": account.pk, "contact": contact, "by": by.username}
    try:
        listeners = workers.client().publish(CONTROL, json.dumps(order))
    except redis.RedisError as error:
        raise SwitchUnavailable from error
    if not listeners:
        raise SwitchUnavailable("No switch worker listens.")


def register_again(*, carrier: Account, by: Account) -> None:
    """Have the switch make all its registrations with a carrier anew now. Errors: SwitchUnavailable."""
    order = {"do": "register", "carrier": carrier.pk, "by": by.username}
    try:
        listeners = workers.client().publish(CONTROL, json.dumps(order))
    except redis.RedisError as error:
        raise SwitchUnavailable from error
    if not listeners:
        raise SwitchUnavailable("No switch worker listens.")


def set_waiting(*, account: Account, new: int, old: int) -> None:
    """Tell the account's phones how many new and old voice messages wait. Errors: ValueError, SwitchUnavailable."""
    if not (0 <= new <= MOST_WAITING and 0 <= old <= MOST_WAITING):
        raise ValueError("So many messages do not wait.")
    order = {"do": "waiting", "account": account.pk, "new": new, "old": old}
    try:
        client = workers.client()
        client.hset(WAITING, str(account.pk), json.dumps([new, old]))
        client.publish(CONTROL, json.dumps(order))
    except redis.RedisError as error:
        raise SwitchUnavailable from error


def carrier_states() -> dict[int, list[CarrierState]]:
    """What every node knows of carriers, by account id."""
    try:
        client = workers.client()
        nodes = sorted({workers.node_of(label) for label in workers.labels(client)})
        blobs = client.mget([TRUNKS + node for node in nodes]) if nodes else []
    except redis.RedisError as error:
        raise SwitchUnavailable from error
    found: dict[int, list[CarrierState]] = {}
    for node, blob in zip(nodes, blobs, strict=True):
        if blob:
            for state in _states(node, json.loads(blob)):
                found.setdefault(state.carrier_id, []).append(state)
    return found


def _states(node: str, told: dict[str, Any]) -> list[CarrierState]:
    uppers: dict[int, list[Upper]] = {}
    for login, one in told["logins"].items():
        uppers.setdefault(int(one["carrier"]), []).append(
            Upper(
                int(login),
                one["username"],
                one["state"],
                _time(one["since"]),
                _time(one["until"]),
                one["detail"],
            )
        )
    asked = {int(carrier): one for carrier, one in told["carriers"].items()}
    states = []
    for carrier in sorted(asked.keys() | uppers.keys()):
        one = asked.get(carrier)
        states.append(
            CarrierState(
                node=node,
                carrier_id=carrier,
                up=one["up"] if one else None,
                since=_time(one["since"]) if one else None,
                detail=one["detail"] if one else "",
                uppers=tuple(uppers.get(carrier, ())),
            )
        )
    return states


def _phone(account: int, blob: bytes) -> Phone:
    one = json.loads(blob)
    transport, host, port = one["flow"][:3]
    expires, seen = one["expires_at"], one["seen_at"]
    return Phone(
        account_id=account,
        contact=one["uri"],
        address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        transport=transport,
        agent=one["agent"],
        seen=datetime.fromtimestamp(seen, UTC),
        expires=datetime.fromtimestamp(expires, UTC),
        seconds=max(0, round(expires - seen)),
    )


def _time(epoch: float) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if epoch else None
