"""The last calls by shared numbers, which lead calls back to the account that spoke (`apps.dids.engine`).

Every worker remembers its own and hears of those of the others through Redis; the office puts back from the records what Redis loses.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apps.dids import recent
from apps.dids.engine import Last, key_of

if TYPE_CHECKING:
    import redis

    from switch.call.model import Decision
    from switch.world.world import World

MOST = 100_000
"""Calls that a worker remembers, by each question."""


class Recents:
    """Answers `apps.dids.engine.Recent`. Of what is asked for least nothing is kept beyond `MOST`."""

    def __init__(self, tell: Callable[[Last], None] | None = None) -> None:
        self.tell = tell
        self._between: OrderedDict[tuple[str, str], Last] = OrderedDict()
        self._party: OrderedDict[tuple[str, str], Last] = OrderedDict()
        self._account: OrderedDict[tuple[int, str], Last] = OrderedDict()
        self._did: OrderedDict[str, Last] = OrderedDict()

    def between(self, did: str, party: str) -> Last | None:
        return self._between.get((did, key_of(party)))

    def with_party(self, party: str) -> Last | None:
        return self._party.get(("", key_of(party)))

    def of_account(self, account: int, party: str) -> Last | None:
        return self._account.get((account, key_of(party)))

    def by(self, did: str) -> Last | None:
        return self._did.get(did)

    def took_place(self, last: Last) -> None:
        """A call of some worker; an older one than what is known changes nothing."""
        key = key_of(last.party)
        _put(self._between, (last.did, key), last)
        _put(self._party, ("", key), last)
        _put(self._account, (last.account, key), last)
        _put(self._did, last.did, last)

    def dialled(self, decision: Decision, world: World, now: float) -> None:
        """A call is about to be dialled: remember it if it shows, or came to, a shared number."""
        dids = world.dids
        if not dids.shared or not decision.targets:
            return
        shown, called = dids.of(decision.caller_number), dids.of(decision.called)
        if shown is not None and shown.shared:
            last = Last(decision.caller.id, shown.number, decision.called, now)
        elif called is not None and called.shared and decision.targets[0].kind == "local":
            last = Last(decision.targets[0].account.id, called.number, decision.caller_number, now)
        else:
            return
        self.took_place(last)
        if self.tell is not None:
            self.tell(last)


def _put(table: OrderedDict[Any, Last], key: Any, last: Last) -> None:
    known = table.get(key)
    if known is not None and known.at > last.at:
        return
    table[key] = last
    table.move_to_end(key)
    if len(table) > MOST:
        table.popitem(last=False)


class RecentsShare:
    """A part of the link to Redis (`switch.live.Sharer`). `in_reactor` calls a function in the reactor's thread."""

    channel = recent.CHANNEL

    def __init__(
        self,
        recents: Recents,
        label: str,
        in_reactor: Callable[..., object],
        put: Callable[[Callable[[redis.Redis], object]], None],
        wall: Callable[[], float],
    ) -> None:
        self._recents = recents
        self._label = label
        self._in_reactor = in_reactor
        self._put = put
        self._wall = wall
        recents.tell = self._tell

    def _tell(self, last: Last) -> None:
        self._put(lambda client: recent.write(client, last, self._label))

    def gather(self) -> Callable[[redis.Redis], object]:
        """Twice a second there is nothing to tell: each call is told as it is dialled."""
        return lambda client: None

    def load(self, client: redis.Redis) -> None:
        """Redis is there (again)."""
        for last in recent.read(client, self._wall()):
            self._in_reactor(self._recents.took_place, last)

    def heard(self, news: dict[str, Any]) -> None:
        """A message of the channel."""
        if news["from"] != self._label:
            self._in_reactor(self._recents.took_place, recent.told(news))
