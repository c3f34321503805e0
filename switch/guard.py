"""What the firewall at the socket knows of the world: whom it never counts, how much a stranger may send, who guesses passwords.

1. Addresses and hosts of trunks and carriers are trusted: a wholesale trunk may send thousands of messages per second.
   Networks wider than `WIDEST` are not, because an account for "anybody" must not open the door to floods.
2. Everybody else, phones too, has the settings' rate (guide 8816-8821).
3. Of whom `maxsubmsgcount` messages above that rate come within `maxsubmsgperiod` seconds is not heard for as long (8818-8820).
   Not by default: a sender of UDP can be forged, and the rate holds anyway.
4. Who gives `maxwrongauthfromip` wrong secrets within `maxsubfailauthperiod` seconds is not heard for
   `reenabledosblocked` seconds (guide 8823-8826). Trusted addresses are never banned.

5. So it is with whom `maxwrongmsgallowed` messages without a meaning come from, and with who begins `maxsubsipauthrequest`
   requests and proves nothing (8821-8822).
6. A rule of the office goes before all that: what it denies is not heard, what it allows is never banned. With the rule `*`
   not allowed nobody is heard but trunks, carriers and what is allowed. Rules about countries come after all others; without a
   file of countries they say nothing, and the door that they would have opened is open.
7. Who gives `maxfailedauthenabledipport` wrong secrets from one port is not heard from that port (8824): of many phones behind one
   address the one with an old password goes, before it costs the others their address.

Bans are told to all workers and to the office, which may lift them (`switch.bans`). Every worker counts what it hears itself; one remote port is heard by one worker, so a guesser who uses many ports has at
most the limit times the number of workers. A source of UDP can be forged, so a ban is short, and a ban
needs answers to challenges of ours, which a forger of another's address does not see.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address, ip_network
from itertools import chain
from typing import TYPE_CHECKING

from apps.core.values import networks
from apps.core.values.networks import with_port
from switch.net import Sources, Tables
from switch.net.firewall import owner
from switch.offences import Offences
from switch.sip.locate import Place

if TYPE_CHECKING:
    from switch.call.names import Names, Way
    from switch.world.world import World

log = logging.getLogger("switch.guard")

WIDEST = {4: 16, 6: 32}
"""The shortest prefix of a network that is trusted, per IP version."""
AUTOMATIC = {"maxsubsipauthrequest": 1000}
"""What -1 stands for: an office behind one address may have hundreds of phones that all register anew at once."""
_FROM_USER = re.compile(rb"\r\n(?:from|f)[ \t]*:[^\r\n]*?sips?:([^@;>\r\n:]+)", re.IGNORECASE)
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
        ban_after: Callable[[int, float], None] = lambda dropped, seconds: None,
    ) -> None:
        self._names = names
        self._clock = clock
        self._apply = apply
        self._limit = limit
        self._ban_after = ban_after
        self._world: World | None = None
        self._networks: frozenset[str] = frozenset()
        self._found: dict[Place, frozenset[str]] = {}
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._banned: dict[str, float] = {}
        self._trusted = Sources()
        self._hosts: frozenset[str] = frozenset()
        self._leading: dict[str, tuple[str, ...]] = {}
        self._allowed = Sources()
        self._offences = Offences()
        self._users: frozenset[bytes] = frozenset()
        self.tell: Callable[[str, float, str], None] = lambda source, seconds, reason: None
        """Told of every ban that begins here: the source, for how long, and why."""

    def follow(self, world: World) -> None:
        """Take over what the world says."""
        self._world = world
        settings = world.settings
        self._limit(float(settings.flood_messages_per_second), float(settings.flood_burst))
        self._ban_after(settings.maxsubmsgcount, float(settings.maxsubmsgperiod))
        self._networks = frozenset(_narrow(world.networks()))
        self._hosts = frozenset(world.source_names())
        places = self._places(world)
        self._found = {place: found for place, found in self._found.items() if place in places}
        self._build()
        self.look_up()

    def look_up(self) -> None:
        """Ask for the addresses of all carriers and named sources (again): a name may have moved."""
        if self._world is not None:
            for place in self._places(self._world):
                self._names.find(place, partial(self._resolved, place))

    def _places(self, world: World) -> set[Place]:
        """Of a customer's host both what SRV says of its servers and its own addresses count."""
        ways = (("", 0), ("udp", 5060))
        named = {Place(host, port, transport) for host in self._hosts for transport, port in ways}
        return world.trunk_places() | named

    def leads_to(self, host: str) -> tuple[str, ...]:
        """The names of customers' hosts that this address belongs to now."""
        return self._leading.get(host, ())

    def _resolved(self, place: Place, ways: list[Way]) -> None:
        """No answer: what was known stays good."""
        found = frozenset(way.host for way in ways)
        if found and self._found.get(place) != found:
            self._found[place] = found
            self._build()

    def wrong(self, host: str, port: int = 0) -> None:
        """A wrong secret came from there."""
        assert self._world is not None
        settings, now = self._world.settings, self._clock()
        if self._spared(host):
            return
        most, period = settings.maxfailedauthenabledipport, settings.maxsubfailauthperiod
        if port and self._offences.one_more("port", networks.place(host, port), now, most, period):
            self._ban(networks.place(host, port), f"gave {most} wrong passwords from one port")
        if not settings.maxwrongauthfromip:
            return
        source = owner(host)
        times = self._wrong.setdefault(source, deque(maxlen=settings.maxwrongauthfromip))
        if times.maxlen != settings.maxwrongauthfromip:
            times = self._wrong[source] = deque(times, settings.maxwrongauthfromip)
        self._wrong.move_to_end(source)
        times.append(now)
        if len(times) == times.maxlen and now - times[0] <= settings.maxsubfailauthperiod:
            del self._wrong[source]
            self._ban(source, f"gave {settings.maxwrongauthfromip} wrong passwords")
        elif len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)

    def meaningless(self, host: str) -> None:
        """A message came from there that nobody understands."""
        self._offence(
            "meaningless", host, "maxwrongmsgallowed", "maxwrongmsgperiod", "messages without a meaning"
        )

    def asked(self, host: str) -> None:
        """Somebody there was asked for a password, which begins or ends nothing yet."""
        self._offence(
            "asked", host, "maxsubsipauthrequest", "maxsubfailauthperiod", "requests without proving anything"
        )

    def proved(self, host: str) -> None:
        """Somebody there gave a right password."""
        self._offences.forgive("asked", owner(host))

    def _offence(self, kind: str, host: str, most: str, period: str, what: str) -> None:
        assert self._world is not None
        if self._spared(host):
            return
        settings, source = self._world.settings, owner(host)
        allowed = getattr(settings, most)
        allowed = AUTOMATIC.get(most, 0) if allowed < 0 else allowed
        if self._offences.one_more(kind, source, self._clock(), allowed, getattr(settings, period)):
            self._ban(source, f"sent {allowed} {what}")

    def _spared(self, host: str) -> bool:
        """Whether the source is never banned by itself: trunks, carriers, what the office allows; everybody while the firewall is off."""
        assert self._world is not None
        address = ip_address(host.partition("%")[0])
        return (
            not self._world.settings.enablefirewall
            or self._trusted.holds(host, address)
            or self._allowed.holds(host, address)
        )

    def unwanted(self, data: bytes) -> bool:
        """Whether the message is from a user whom a rule of the firewall names, before it is understood."""
        if not self._users:
            return False
        found = _FROM_USER.search(data)
        return found is not None and found[1].strip() in self._users

    def told(self, source: str, seconds: float, reason: str) -> None:
        """Another worker has banned the source for so long, or (0 or less) the office has lifted its ban."""
        try:
            if with_port(source) is None:
                ip_network(source)
        except ValueError:
            return
        if seconds > 0:
            self._banned[source] = self._clock() + seconds
            log.warning("%s is not heard for %.0f s: %s", source, seconds, reason)
        elif self._banned.pop(source, None) is not None:
            log.warning("%s is heard again: %s", source, reason)
        self._build()

    def flooded(self, host: str) -> None:
        """Far more came from there than is heard; the firewall counts nobody who is trusted."""
        assert self._world is not None
        if not self._spared(host):
            self._ban(owner(host), f"sent {self._world.settings.maxsubmsgcount} messages above the rate")

    def _ban(self, source: str, why: str) -> None:
        assert self._world is not None
        seconds = self._world.settings.reenabledosblocked
        self._banned[source] = self._clock() + seconds
        log.warning("%s %s and is not heard for %s s", source, why, seconds)
        self.tell(source, float(seconds), why)
        self._build()

    def sweep(self) -> None:
        """Hear those again whose time is over."""
        now = self._clock()
        over = [source for source, until in self._banned.items() if until <= now]
        for source in over:
            del self._banned[source]
        if over:
            self._build()

    def _build(self) -> None:
        leading: dict[str, set[str]] = {}
        for place, addresses in self._found.items():
            if place.host in self._hosts:
                for address in addresses:
                    leading.setdefault(address, set()).add(place.host)
        self._leading = {address: tuple(sorted(names)) for address, names in leading.items()}
        self._trusted = Sources.of((*self._networks, *chain.from_iterable(self._found.values())))
        if self._world is None:
            return
        rules, countries = self._world.firewall, self._world.countries
        ported = {found for source in self._banned if (found := with_port(source)) is not None}
        about_countries = rules.allowed_countries | rules.denied_countries
        self._users = frozenset(one.encode() for one in rules.users)
        self._allowed = Sources.of(rules.allowed)
        self._apply(
            Tables(
                banned=Sources.of(source for source in self._banned if with_port(source) is None),
                allowed=self._allowed,
                trusted=self._trusted,
                denied=Sources.of(rules.denied),
                open_door=rules.open_door or (countries is None and bool(rules.allowed_countries)),
                off=not self._world.settings.enablefirewall,
                country=countries.of if countries is not None and about_countries else None,
                allowed_countries=rules.allowed_countries,
                denied_countries=rules.denied_countries,
                ports=rules.ports | ported,
            )
        )


def _narrow(networks: Iterable[str]) -> Iterable[str]:
    for text in networks:
        network = ip_network(text)
        if network.prefixlen >= WIDEST[network.version]:
            yield text
