"""Money for running calls, asked of PostgreSQL by the reactor itself: no thread, never a wait.

One statement is in flight at a time; what is asked meanwhile goes into the next one, so that many calls share
one commit. Every question is answered within about `DEADLINE` seconds: with what was granted, or with None.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import psycopg2
from psycopg2 import extensions
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from zope.interface import implementer

from apps.invoices.services.holds import (
    SETTLE,
    TAKE,
    TAKE_ALLOWANCES,
    Cap,
    Request,
    allowance_parameters,
    grants,
    settle_parameters,
    take_parameters,
)

log = logging.getLogger(__name__)

BATCH = (
    512  # calls in one statement: with few, a slow disk (one commit each) is what bounds the calls a second
)
QUEUE = 2000  # calls that may wait for it
GATHER = 0.002  # seconds that the first question waits for others: a statement costs more than a question;
RUSH = 0.005  # only when the last statement is no older: with fewer calls nobody would come meanwhile
DEADLINE = 2.0  # seconds, for a statement on the server; we give up half a second later
BACK_OFF = (0.2, 5.0)

Done = Callable[[dict[int, int] | None], None]
Shares = Sequence[tuple[int, int, int] | tuple[int, int, int, int]]
NO_CAPS: Mapping[int, Cap] = MappingProxyType({})


@dataclass(slots=True)
class _Asked:
    request: Request
    done: Done


@implementer(IReadDescriptor, IWriteDescriptor)
class _Watch:
    """The connection's socket, as the reactor wants it.

    A second descriptor of it, because libpq closes its own when the server goes away, or when it tries the next
    address, and the reactor cannot forget what is closed.
    """

    def __init__(self, fd: int, bank: Bank) -> None:
        self._fd, self._bank = os.dup(fd), bank
        self._inode = os.fstat(fd).st_ino

    def fileno(self) -> int:
        return self._fd

    def is_of(self, fd: int) -> bool:
        return os.fstat(fd).st_ino == self._inode

    def close(self) -> None:
        os.close(self._fd)

    def logPrefix(self) -> str:
        return "bank"

    def doRead(self) -> None:
        self._bank.poll()

    doWrite = doRead

    def connectionLost(self, reason: Any) -> None:
        self._bank.poll()


class Bank:
    """Asks for holds in the name of one worker. Call `start` once the reactor is there, `stop` at the end.

    `away`: the database does not answer. `full`: more is asked than it can grant; new calls get None at once.
    Money is let go by the journal: the `end` of a call, answered or not, releases all that is held for it.
    """

    def __init__(self, reactor: Any, dsn: str, worker_label: str) -> None:
        """`dsn`: libpq's. A host's name is looked up here, once, because a lookup later would block."""
        self._reactor = reactor
        self._dsn = _with_address(dsn)
        self._label = worker_label
        self._queue: deque[_Asked] = deque()
        self._free: deque[_Asked] = deque()  # questions to allowances
        self._over: list[str] = []  # calls that ended while their hold was asked for
        self._doubtful: set[str] = (
            set()
        )  # asked for on a connection that was lost: granted perhaps, or still to be
        self._late: list[str] = []  # of these, the ones that are over
        self._old: int | None = None  # the server's process behind that connection
        self._flying: list[_Asked] = []
        self._busy = False  # a statement is in flight
        self._gathering = False  # one will be in a moment
        self._sent = float("-inf")  # when the last one was
        self._connection: Any = None
        self._watch: _Watch | None = None
        self._timer: Any = None
        self._pause = BACK_OFF[0]
        self._stopped = False
        self.away = True

    @property
    def full(self) -> bool:
        return len(self._queue) + len(self._free) >= QUEUE

    def start(self) -> None:
        self._connect()

    def stop(self) -> None:
        """Close; whoever still waits is told None."""
        self._stopped = True
        self._lose("stopped")

    def hold(self, call_id: str, shares: Shares, done: Done, caps: Mapping[int, Cap] = NO_CAPS) -> None:
        """Ask for (account id, wanted micros, least micros, floor) of every payer of a call, all or nothing.

        `done` is called later, once: account → granted micros (0 or less is a `Refusal`; then nothing is held for the
        others either), or None when the money cannot be asked for now: `away` or `full`. A second hold of the
        same call adds to its first. `caps`: the limits of those payers that have any.
        """
        self._ask(self._queue, _Asked(Request(call_id, shares, caps), done))

    def hold_free(self, call_id: str, shares: Shares, done: Done) -> None:
        """Ask (allowance id, wanted micros, least micros) of what allowances have left; each grants what it can.

        `done` is called as by `hold`: allowance → granted micros, 0 for nothing.
        """
        self._ask(self._free, _Asked(Request(call_id, shares), done))

    def _ask(self, queue: deque[_Asked], asked: _Asked) -> None:
        if self.away or self.full:
            self._reactor.callLater(0, asked.done, None)
            return
        queue.append(asked)
        if not self._busy and not self._gathering:
            self._gathering = True
            rush = self._reactor.seconds() - self._sent < RUSH
            self._reactor.callLater(GATHER if rush else 0, self._gathered)

    def release(self, call_id: str) -> None:
        """The call is over. Its questions are dropped unanswered, and a grant that is under way is given back.

        What was granted before is released by the call's `end` in the journal, not here: that costs nothing
        more, and it is done even if this worker dies.
        """
        for queue in (self._queue, self._free):
            for asked in [one for one in queue if one.request.call_id == call_id]:
                queue.remove(asked)
        for asked in self._flying:
            if asked.request.call_id == call_id:
                asked.done = _nobody
                self._over.append(call_id)
        if call_id in self._doubtful:
            self._doubtful.discard(call_id)
            self._late.append(call_id)

    def poll(self) -> None:
        """The socket is ready: go on with connecting, or with the statement in flight."""
        connection = self._connection
        if connection is None:
            return
        try:
            state = connection.poll()
        except psycopg2.Error as error:
            if connection.closed or self.away:
                self._lose(str(error))
            else:  # only the statement failed
                self._failed(error)
            return
        self._watch_for(state)
        if state == extensions.POLL_OK:
            if self.away:
                self._arrived()
            elif self._busy:
                self._answered()

    def _connect(self) -> None:
        self._timer = None
        try:
            self._connection = psycopg2.connect(self._dsn, async_=True)
        except psycopg2.Error as error:
            self._lose(str(error))
            return
        self._timer = self._reactor.callLater(DEADLINE + 0.5, self._lose, "no answer while connecting")
        self.poll()

    def _arrived(self) -> None:
        self._no_timer()
        self.away = False
        self._pause = BACK_OFF[0]
        log.info("Balances can be asked for")
        if self._old is not None:
            old, self._old = self._old, None
            self._execute("SELECT pg_terminate_backend(%s)::int", (str(old),))
        if self._doubtful or self._late:
            self._reactor.callLater(DEADLINE + 1.0, self._clear_doubts)

    def _clear_doubts(self) -> None:
        """What the old connection's process had been asked is done by now, or never will be: let go what nobody waits for."""
        if self.away:
            return  # once there is a connection again
        self._over += self._late
        self._late = []
        self._doubtful.clear()
        if not self._busy and not self._gathering:
            self._send()

    def _gathered(self) -> None:
        self._gathering = False
        if not self._busy and not self.away:
            self._send()

    def _send(self) -> None:
        """Send what waits as one statement. Calls that ended come first: it is their money that others may want."""
        if self._over:
            over, self._over = self._over, []
            self._execute(SETTLE, settle_parameters(over))
        elif self._free:
            self._execute(TAKE_ALLOWANCES, allowance_parameters(self._take_off(self._free), self._label))
        elif self._queue:
            self._execute(TAKE, take_parameters(self._take_off(self._queue), self._label))

    def _take_off(self, queue: deque[_Asked]) -> list[Request]:
        """The next batch of a queue, which is in flight from now on."""
        self._flying = [queue.popleft() for _ in range(min(BATCH, len(queue)))]
        return [asked.request for asked in self._flying]

    def _execute(self, statement: str, parameters: tuple[str, ...]) -> None:
        self._busy = True
        self._sent = self._reactor.seconds()
        self._timer = self._reactor.callLater(DEADLINE + 0.5, self._lose, "no answer in time")
        try:
            self._cursor = self._connection.cursor()
            self._cursor.execute(statement, parameters)
            state = self._connection.poll()
        except psycopg2.Error as error:
            self._lose(str(error))
            return
        if state == extensions.POLL_OK:  # there at once, but the last batch's answers are told first
            self._reactor.callLater(0, self.poll)
        elif state == extensions.POLL_WRITE:
            self._watch_for(state)

    def _answered(self) -> None:
        self._no_timer()
        (answer,) = self._cursor.fetchone()
        flying, self._flying, self._busy = self._flying, [], False
        given = grants([asked.request for asked in flying], answer) if flying else []
        self._send()  # the next batch is on its way while these calls go on
        for asked, granted in zip(flying, given, strict=True):
            _tell(asked.done, granted)

    def _failed(self, error: psycopg2.Error) -> None:
        """The statement was undone (a deadline, a deadlock): its calls cannot be paid for now, others may."""
        log.error("Balances could not be asked for: %s", str(error).strip())
        self._no_timer()
        flying, self._flying, self._busy = self._flying, [], False
        self._watch_for(extensions.POLL_READ)
        self._send()
        for asked in flying:
            _tell(asked.done, None)

    def _lose(self, reason: str) -> None:
        """Give the connection up, answer everybody who waits, and try again a little later.

        What was in flight may be granted all the same, perhaps much later, by a server that hangs: its process is
        ended once there is a new connection, and what the calls that are over hold by then is let go a little later.
        """
        if not self.away and not self._stopped:
            log.error("The database is away, calls that must be paid cannot begin: %s", reason.strip())
        self.away = True
        self._no_timer()
        self._unwatch()
        if self._connection is not None:
            if self._busy:
                self._old = self._process() or self._old
            self._connection.close()
            self._connection = None
        waiting = [*self._flying, *self._free, *self._queue]
        self._doubtful.update(asked.request.call_id for asked in self._flying if asked.done is not _nobody)
        self._late += self._over
        self._late += [asked.request.call_id for asked in self._flying if asked.done is _nobody]
        self._flying, self._busy, self._over = [], False, []
        self._queue.clear()
        self._free.clear()
        if not self._stopped:
            self._timer = self._reactor.callLater(self._pause, self._connect)
            self._pause = min(self._pause * 2, BACK_OFF[1])
        for asked in waiting:
            _tell(asked.done, None)

    def _process(self) -> int | None:
        try:
            return int(self._connection.info.backend_pid) or None
        except psycopg2.Error:
            return None

    def _no_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _watch_for(self, state: int) -> None:
        """Read always (a server that goes away is noticed when idle), write when libpq wants to."""
        fd = self._connection.fileno()
        if self._watch is None or not self._watch.is_of(fd):
            self._unwatch()
            self._watch = _Watch(fd, self)
        self._reactor.addReader(self._watch)
        if state == extensions.POLL_WRITE:
            self._reactor.addWriter(self._watch)
        else:
            self._reactor.removeWriter(self._watch)

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            self._reactor.removeReader(watch)
            self._reactor.removeWriter(watch)
            watch.close()


def _tell(done: Done, granted: dict[int, int] | None) -> None:
    """Whatever a call makes of its answer, the others get theirs."""
    try:
        done(granted)
    except Exception:
        log.exception("A call failed over the answer %r", granted)


def _nobody(granted: dict[int, int] | None) -> None:
    """The call was over before its answer came."""


def dsn_of_office() -> str:
    """The database that Django is configured with, for libpq. Its own connection is not asked, because that knows all models."""
    from django.conf import settings

    given = settings.DATABASES["default"]
    names = {"dbname": "NAME", "host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD"}
    said = {name: given[key] for name, key in names.items() if given.get(key)}
    parameters = given.get("OPTIONS", {}) | said
    known = {*names, "sslmode", "sslrootcert", "sslcert", "sslkey"}
    return str(extensions.make_dsn(**{k: v for k, v in parameters.items() if k in known and v}))


def _with_address(dsn: str) -> str:
    """The same with a statement deadline, and the host's address next to its name."""
    given = extensions.parse_dsn(dsn)
    # One plan for all batches: making one each time costs PostgreSQL more than carrying it out.
    ours = f"-c statement_timeout={int(DEADLINE * 1000)} -c plan_cache_mode=force_generic_plan"
    given["options"] = f"{given.get('options', '')} {ours}".strip()
    given.setdefault("application_name", "mizu bank")
    host = given.get("host", "")
    if host and not host.startswith("/") and "hostaddr" not in given:
        given["hostaddr"] = str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    return str(extensions.make_dsn(**given))
