"""What workers tell each other and the office through Redis, which may be lost at any time.

- `mizu:workers` and `mizu:calls:<label>`: the workers and the calls of each (`apps.core.workers`); refreshed twice a second, what
  changes is told up to ten times a second, the calls are gone ten seconds after their worker.
- `mizu:usage:<label>`: calls per account and lines per carrier of this worker, for the limits of the others.
- `mizu:registrations:<account>`: a hash, contact → JSON; and the channel `mizu:registrations` for what changes in it.
- `mizu:traces`: a list, SIP messages of calls that are over (`switch.trace`), which the office takes away.
- `mizu:trunks:<node>`: JSON, which carriers answer and how our registrations stand (`switch.trunks.states`), of the worker that leads.
- `mizu:outcomes`, `mizu:sent:<label>`, channel `mizu:repeats`: what came of calls by trunks (`switch.trunks.telling`).
- channel `mizu:control`: orders of operators, `{"do": "hangup", "call": id, "by": name}`, `{"do": "trace", "call": id}`,
  `{"do": "record", "call": id, "by": name, "on": true}`, `{"do": "register", "carrier": account}`.
- `mizu:answers:<token>`: a list with the one answer to an order that asks for it (`apps.core.workers.ask`), for a minute.

Two threads talk to Redis; the reactor only puts work into a bounded queue. When Redis comes back, everything is told anew.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import redis

from apps.core.compact import encoded
from apps.core.workers import CALLS, WORKERS, labels, node_of
from switch.call import media
from switch.registrar import Binding

if TYPE_CHECKING:
    from switch.call.call import Call

log = logging.getLogger("switch.live")

USAGE, REGISTRATIONS, CONTROL = "mizu:usage:", "mizu:registrations", "mizu:control"
TRACES = "mizu:traces"
MOST_TRACES = 5_000
TRUNKS = "mizu:trunks:"
FORGOTTEN = 60
"""Seconds after which a worker that says nothing is asked for no more."""
EVERY = 0.5
SHOWN, MANY = 0.1, 40
"""Calls are told twice a second, and after a tenth of one when so many wait: hundreds at once would keep the reactor, and the
thread the interpreter, too long; few at a time would cost more than they are worth."""
KEPT = 10
ROUNDS = 20
TOGETHER, EACH = 0.05, 0.001
"""Seconds between two tellings of registrations: so many for each that was told, up to a bound. When few phones register, each is
told at once, because who heard 200 must soon be found by every worker; when thousands do, they are told together, because one
by one they would cost more than answering them."""
QUEUE = 10_000
PAUSE = 1.0
TIMEOUT = 2.0

Work = Callable[[redis.Redis], object]


class Sharer(Protocol):
    """Something else of a worker that the others need to know, or know."""

    channel: str

    def gather(self) -> Work:
        """In the reactor, twice a second: what to do with Redis now."""

    def load(self, client: redis.Redis) -> None:
        """In the thread: Redis is there (again)."""

    def heard(self, news: dict[str, Any]) -> None:
        """In the listening thread: a message of the channel. KeyError, TypeError, ValueError for what nobody of ours sent."""


class Live:
    """The worker's link to Redis. All methods are for the reactor's thread; `start` begins the threads."""

    def __init__(
        self, reactor: Any, url: str, label: str, counts: Callable[[], tuple[dict[int, int], dict[int, int]]]
    ) -> None:
        self.on_order: Callable[[dict[str, Any]], None] = lambda order: None
        self.on_bindings: Callable[[int, list[Binding]], None] = lambda account, bindings: None
        self.on_usage: Callable[[dict[int, int], dict[int, int]], None] = lambda calls, carriers: None
        self.on_trunks: Callable[[dict[str, Any]], None] = lambda states: None
        self.trunk_states: Callable[[], dict[str, Any] | None] = lambda: None
        self.sharers: list[Sharer] = []
        self.all_bindings: Callable[[], dict[int, list[Binding]]] = dict
        self.away = True
        self._reactor = reactor
        self._url = url
        self._label = label
        self._own = encoded({"from": label})[:-1] + b","
        """How the messages begin that this worker has sent itself."""
        self._node = node_of(label)
        self._counts = counts
        self._changed: dict[str, Call] = {}
        self._gone: set[str] = set()
        self._told = 0.0
        self._registered: dict[int, dict[str, Binding]] = {}
        self._telling = False
        self._calls: dict[str, Call] = {}
        self._round: list[Call] = []
        self._share = 1
        self._queue: queue.Queue[Work | None] = queue.Queue(QUEUE)
        self._stopping = False
        self._listening = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name="redis", daemon=True),
            threading.Thread(target=self._listen, name="redis-listen", daemon=True),
        ]

    # --- the reactor's side -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        if not self._url:
            return
        for thread in self._threads:
            thread.start()
        self._reactor.callLater(EVERY, self._flush)
        self._reactor.callLater(SHOWN, self._show)

    def stop(self) -> None:
        """Take this worker's calls out of sight; waits at most a moment."""
        if not self._url or self._stopping:
            return
        self._stopping = True
        self._put(lambda client: client.delete(CALLS + self._label, USAGE + self._label))
        self._put(lambda client: client.zrem(WORKERS, self._label))
        self._put(None)
        self._threads[0].join(1.0)

    def changed(self, call: Call) -> None:
        """The call is new, or in another state."""
        self._calls[call.id] = call
        self._changed[call.id] = call

    def gone(self, call: Call) -> None:
        """It is over."""
        self._calls.pop(call.id, None)
        self._changed.pop(call.id, None)
        if not self.away:  # else nobody takes it out again: all is told anew when Redis is back
            self._gone.add(call.id)

    def registered(self, account_id: int, bindings: list[Binding]) -> None:
        """A phone registered here: tell the others."""
        if not self._url:
            return
        self._registered.setdefault(account_id, {}).update((one.key, one) for one in bindings)
        if not self._telling:
            self._reactor.callLater(0, self._tell_registered)
            self._telling = True

    def look_up(self, accounts: Iterable[int], then: Callable[[], None]) -> bool:
        """Take over what stands in Redis of the phones of these accounts, then call `then`; False when it is away."""
        if self.away or not self._url:
            return False
        wanted = list(accounts)
        self._put(lambda client: self._look_up(client, wanted, then))
        return True

    def _tell_registered(self) -> None:
        """What changed since the last telling, in one message."""
        news, self._registered = self._registered, {}
        self._telling = bool(news)
        if news:
            self._put(lambda client: _store(client, self._label, news))
            self._reactor.callLater(min(TOGETHER, EACH * len(news)), self._tell_registered)

    def put(self, work: Work) -> None:
        """Have the thread do something with Redis."""
        if self._url:
            self._put(work)

    def traced(self, call_id: str, started: float, messages: bytes) -> None:
        """The SIP messages of a call that is over, for the office to keep; the oldest go when nobody fetches them."""
        row = encoded({"call": call_id, "started": started, "messages": b64encode(messages).decode()})

        def tell(client: redis.Redis) -> None:
            pipe = client.pipeline(transaction=False)
            pipe.rpush(TRACES, row)
            pipe.ltrim(TRACES, -MOST_TRACES, -1)
            pipe.execute()

        self._put(tell)

    def _put(self, work: Work | None) -> None:
        with suppress(queue.Full):  # Redis is away for long: all is told anew when it is back
            self._queue.put_nowait(work)

    def _flush(self) -> None:
        """Twice a second: that this worker lives, and what all need to know of it."""
        if self._stopping:
            return
        self._reactor.callLater(EVERY, self._flush)
        if self.away:
            return
        self._refresh()
        counts, trunks = self._counts(), self.trunk_states()
        self._put(lambda client: self._publish(client, counts))
        self._put(lambda client: self._exchange_trunks(client, trunks))
        for sharer in self.sharers:
            self.put(sharer.gather())

    def _show(self) -> None:
        """Which calls are new, changed or over since the last time."""
        if self._stopping:
            return
        self._reactor.callLater(SHOWN, self._show)
        now = self._reactor.seconds()
        if len(self._changed) + len(self._gone) < MANY and now - self._told < EVERY:
            return
        self._told = now
        changed, self._changed = self._changed, {}
        gone, self._gone = self._gone, set()
        if self.away or not (changed or gone):
            return
        told = {call_id: encoded(shown(call, self._label)) for call_id, call in changed.items()}
        self._put(lambda client: _tell_calls(client, CALLS + self._label, told, gone))

    def _refresh(self) -> None:
        """How the calls sound changes all the time: some of them are told anew each time, all of them every ten seconds."""
        if not self._round:
            self._round = [
                call for call in self._calls.values() if call.state == "up" and media.is_measured(call)
            ]
            self._share = -(-len(self._round) // ROUNDS)
        for call in self._round[-self._share :]:
            if call.id in self._calls:
                self._changed[call.id] = call
        del self._round[-self._share :]

    # --- the first thread: commands ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            try:
                with self._client() as client:
                    client.ping()
                    self._forget(client)
                    self._listening.wait(
                        TIMEOUT
                    )  # what is told between loading and listening would be missed
                    self._do(self._load, client)
                    for sharer in self.sharers:
                        self._do(sharer.load, client)
                    self._reactor.callFromThread(self._back)
                    while (work := self._queue.get()) is not None:
                        self._do(work, client)
                    return
            except (redis.RedisError, OSError) as error:
                if not self.away:
                    log.warning(
                        "Redis is away, live calls are not shown and registrations stay in this worker: %s",
                        error,
                    )
                self.away = True
                if self._stopping:
                    return
                time.sleep(PAUSE)

    @staticmethod
    def _do(work: Work, client: redis.Redis) -> None:
        """Whatever stands in Redis: what cannot be read must not end the link to it."""
        try:
            work(client)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.exception("what stands in Redis cannot be read")

    def _client(self) -> redis.Redis:
        """One that connects once. By itself it would connect again whenever it finds its connection closed, and nobody would be
        told that this is another Redis, which knows nothing of what was told to the one before it."""
        return redis.Redis.from_url(
            self._url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, redis_connect_func=_once()
        )

    def _forget(self, client: redis.Redis) -> None:
        """Calls that ended while Redis was away must not be shown for ever: the old hash, and what waits to be put in."""
        client.delete(CALLS + self._label)
        while not self._stopping and not self._queue.empty():
            self._queue.get_nowait()

    def _back(self) -> None:
        """In the reactor: Redis answers (again). Tell everything anew."""
        self.away = False
        self._changed.update(self._calls)
        for account, bindings in self.all_bindings().items():
            self.registered(account, bindings)

    def _load(self, client: redis.Redis) -> None:
        """What all workers know about phones."""
        for key in client.scan_iter(REGISTRATIONS + ":*", count=500):
            account = int(key.decode().rpartition(":")[2])
            bindings = _bindings([json.loads(value) for value in client.hvals(key)])
            self._reactor.callFromThread(self.on_bindings, account, bindings)

    def _look_up(self, client: redis.Redis, accounts: list[int], then: Callable[[], None]) -> None:
        pipe = client.pipeline(transaction=False)
        for account in accounts:
            pipe.hvals(f"{REGISTRATIONS}:{account}")
        for account, values in zip(accounts, pipe.execute(), strict=True):
            if values:
                bindings = _bindings([json.loads(value) for value in values])
                self._reactor.callFromThread(self.on_bindings, account, bindings)
        self._reactor.callFromThread(then)

    def _publish(self, client: redis.Redis, counts: tuple[dict[int, int], dict[int, int]]) -> None:
        pipe = client.pipeline(transaction=False)
        pipe.expire(CALLS + self._label, KEPT)
        pipe.set(USAGE + self._label, encoded(counts), ex=KEPT)
        now = time.time()
        pipe.zadd(WORKERS, {self._label: now})
        pipe.zremrangebyscore(WORKERS, 0, now - FORGOTTEN)
        pipe.execute()
        self._others(client)

    def _others(self, client: redis.Redis) -> None:
        """The counts of all other workers, added up. Found by the list of workers: a scan would walk over all registrations."""
        keys = [USAGE + label for label in labels(client) if label != self._label]
        calls: Counter[int] = Counter()
        carriers: Counter[int] = Counter()
        for value in client.mget(keys) if keys else ():
            if value:
                theirs, lines = json.loads(value)
                calls.update({int(account): count for account, count in theirs.items()})
                carriers.update({int(account): count for account, count in lines.items()})
        self._reactor.callFromThread(self.on_usage, dict(calls), dict(carriers))

    def _exchange_trunks(self, client: redis.Redis, mine: dict[str, Any] | None) -> None:
        """The leader of the node tells what it knows of trunks, the others ask for it."""
        key = TRUNKS + self._node
        if mine is not None:
            client.set(key, encoded(mine), ex=KEPT)
            return
        states = client.get(key)
        self._reactor.callFromThread(self.on_trunks, json.loads(states) if states else {})

    # --- the second thread: what others tell ------------------------------------------------------------------------------------

    def _listen(self) -> None:
        while not self._stopping:
            try:
                with self._client() as client, client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(CONTROL, REGISTRATIONS, *(one.channel for one in self.sharers))
                    channel.get_message(timeout=TIMEOUT)  # the confirmation
                    self._listening.set()
                    while not self._stopping:
                        message = channel.get_message(timeout=1.0)
                        if message is not None:
                            self._heard(message["channel"].decode(), message["data"])
            except (redis.RedisError, OSError):
                self._listening.clear()
                time.sleep(PAUSE)

    def _heard(self, channel: str, data: bytes) -> None:
        try:
            if data.startswith(self._own):
                return  # not read: with one worker nearly all of them are
            news = json.loads(data)
            if channel == CONTROL:
                self._reactor.callFromThread(self.on_order, news)
            elif channel != REGISTRATIONS:
                for sharer in self.sharers:
                    if sharer.channel == channel:
                        sharer.heard(news)
            else:
                for account, bindings in news["accounts"].items():
                    self._reactor.callFromThread(self.on_bindings, int(account), _bindings(bindings))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("what came on %s cannot be read: %s", channel, error)


def _once() -> Callable[[Any], None]:
    """What a client does when it has connected: the first time it goes on, then it fails as if Redis were away."""
    connections = count(1)

    def connected(connection: Any) -> None:
        if next(connections) > 1:
            raise redis.ConnectionError("the connection was lost")
        connection.on_connect()

    return connected


def _tell_calls(client: redis.Redis, key: str, told: dict[str, bytes], gone: set[str]) -> None:
    """`key` is the hash of this worker's calls."""
    pipe = client.pipeline(transaction=False)
    if gone:
        pipe.hdel(key, *gone)
    if told:
        pipe.hset(key, mapping=told)  # type: ignore[arg-type]  # bytes are as good as text
        pipe.expire(key, KEPT)
    pipe.execute()


def _store(client: redis.Redis, label: str, news: dict[int, dict[str, Binding]]) -> None:
    now = time.time()
    pipe = client.pipeline(transaction=False)
    accounts: list[bytes] = []
    for account_id, changed in news.items():
        key = f"{REGISTRATIONS}:{account_id}"
        written = {name: encoded(one.as_json()) for name, one in changed.items()}
        accounts.append(b'"%d":[%b]' % (account_id, b",".join(written.values())))
        kept = {name: written[name] for name, one in changed.items() if one.expires_at > now}
        over = [name for name in changed if name not in kept]
        if kept:
            lasting = int(max(one.expires_at for one in changed.values()) - now) + 1
            pipe.hset(key, mapping=kept)  # type: ignore[arg-type]
            pipe.expire(key, lasting, gt=True)
            pipe.expire(key, lasting, nx=True)
        if over:
            pipe.hdel(key, *over)
    pipe.publish(REGISTRATIONS, b'{"from":%b,"accounts":{%b}}' % (encoded(label), b",".join(accounts)))
    pipe.execute()


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bindings(values: list[dict[str, Any]]) -> list[Binding]:
    return [Binding.from_json(one) for one in values]


def _price(call: Call) -> dict[str, Any]:
    """For a callshop: by which terms the retail price is reckoned, none if nobody pays; and the seconds that are free."""
    if call.decision is None or not call.board.world().settings_of(call.account).callshop:
        return {}
    retail = next((one for one in call.decision.payers if one.kind in {"retail", "packet"}), None)
    return {"terms": retail.terms.as_list() if retail else [], "free": call.free_seconds}


def shown(call: Call, label: str) -> dict[str, Any]:
    """What people see of a call in progress."""
    decision, branch = call.decision, call.called or call.last
    measured = media.measured(call)
    target = call.reached or (branch.target if branch is not None else None)
    carrier = target.account if target is not None and target.kind == "carrier" else None
    return {
        **_price(call),
        "id": call.id,
        "worker": label,
        "state": call.state,
        "started": call.started,
        "answered": call.answered,
        "caller_id": call.account.id,
        "caller": call.account.username,
        "path": list(call.account.path),
        "caller_number": decision.caller_number if decision is not None else "",
        "called_number": decision.called if decision is not None else "",
        "destination": decision.destination if decision is not None else "",
        "called_id": target.account.id if target is not None and carrier is None else None,
        "carrier_id": carrier.id if carrier is not None else None,
        "carrier": carrier.username if carrier is not None else "",
        "rule": target.rule if target is not None else "",
        "codec": call.codec,
        "media": call.sound.label if call.sound is not None else "",
        "recorded": call.sound is not None and call.sound.recording.on,
        "caller_mos": measured.caller.mos if measured.caller else None,
        "called_mos": measured.called.mos if measured.called else None,
    }
