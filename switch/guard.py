"""What the firewall at the socket knows of the world: whom it never counts, how much a stranger may send, who guesses passwords.

1. Addresses of trunks and hosts of carriers are trusted: a wholesale trunk may send thousands of messages per second.
   Networks wider than `WIDEST` are not, because an account for "anybody" must not open the door to floods.
2. Everybody else, phones too, has the settings' rate (guide 8816-8821).
3. Who gives `maxwrongauthfromip` wrong secrets within `maxsubfailauthperiod` seconds is not heard for
   `reenabledosblocked` seconds (guide 8823-8826). Trusted addresses are never banned.

Every worker counts what it hears itself; one remote port is heard by one worker, so a guesser who uses many ports has at
most the limit times the number of workers. A source of UDP can be forged, so a ban is short, and a ban
needs answers to challenges of ours, which a forger of another's address does not see.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import TYPE_CHECKING

from switch.net import Sources, Tables
from switch.net.firewall import owner

if TYPE_CHECKING:
    from switch.call.names import Names, Place, Way
    from switch.world.world import World

log = logging.getLogger("switch.guard")

WIDEST = {4: 16, 6: 32}
"""The shortest prefix of a network that is trusted, per IP version."""
REMEMBERED = 20_000
"""Sources whose wrong secrets are counted; the one that was heard of longest ago is forgotten first."""


class Guard:
    """Keeps the firewall's tables. `apply` takes new ones over, `limit` a stranger's rate and burst."""

    def __init__(
        self,
        names: Names,
        clock: Callable[[], float],
        apply: Callable[[Tables], None],
        limit: Callable[[float, float], None],
    ) -> None:
        self._names = names
        self._clock = clock
        self._apply = apply
        self._limit = limit
        self._world: World | None = None
        self._networks: frozenset[str] = frozenset()
        self._found: dict[Place, frozenset[str]] = {}
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._banned: dict[str, float] = {}
        self._trusted = Sources()

    def follow(self, world: World) -> None:
        """Take over what the world says."""
        self._world = world
        settings = world.settings
        self._limit(float(settings.flood_messages_per_second), float(settings.flood_burst))
        self._networks = frozenset(_narrow(world.networks()))
        places = world.trunk_places()
        self._found = {place: found for place, found in self._found.items() if place in places}
        self._build()
        self.look_up()

    def look_up(self) -> None:
        """Ask for the addresses of all carriers (again): a name may have moved."""
        if self._world is not None:
            for place in self._world.trunk_places():
                self._names.find(place, partial(self._resolved, place))

    def _resolved(self, place: Place, ways: list[Way]) -> None:
        """No answer: what was known stays good."""
        found = frozenset(way.host for way in ways)
        if found and self._found.get(place) != found:
            self._found[place] = found
            self._build()

    def wrong(self, host: str) -> None:
        """A wrong secret came from there."""
        assert self._world is not None
        settings, now = self._world.settings, self._clock()
        if not settings.maxwrongauthfromip or self._trusted.holds(host, ip_address(host.partition("%")[0])):
            return
        source = owner(host)
        times = self._wrong.setdefault(source, deque(maxlen=settings.maxwrongauthfromip))
        if times.maxlen != settings.maxwrongauthfromip:
            times = self._wrong[source] = deque(times, settings.maxwrongauthfromip)
        self._wrong.move_to_end(source)
        times.append(now)
        if len(times) == times.maxlen and now - times[0] <= settings.maxsubfailauthperiod:
            del self._wrong[source]
            self._banned[source] = now + settings.reenabledosblocked
            log.warning(
                "%s gave %s wrong passwords and is not heard for %s s",
                source, settings.maxwrongauthfromip, settings.reenabledosblocked,
            )  # fmt: skip
            self._build()
        elif len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)

    def sweep(self) -> None:
        """Hear those again whose time is over."""
        now = self._clock()
        over = [source for source, until in self._banned.items() if until <= now]
        for source in over:
            del self._banned[source]
        if over:
            self._build()

    def _build(self) -> None:
        self._trusted = Sources.of((*self._networks, *chain.from_iterable(self._found.values())))
        self._apply(Tables(banned=Sources.of(self._banned), trusted=self._trusted))


def _narrow(networks: Iterable[str]) -> Iterable[str]:
    for text in networks:
        network = ip_network(text)
        if network.prefixlen >= WIDEST[network.version]:
            yield text
