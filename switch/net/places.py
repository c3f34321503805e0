"""Which address of ours a remote is told, when we have several (guide 13347-13355, 13398-13422)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address, ip_network

from .config import NetConfig
from .udp import local_address_towards

_CARRIERS_NAT = ip_network("100.64.0.0/10")
_ANYWHERE = {False: ("192.0.2.1", 9), True: ("2001:db8::1", 9)}
"""Nobody is there: it only asks for the way to the world."""


class Places:
    """The addresses of one worker's main sockets, as the settings `offerservicesfor` and `autodetectlocalip` want them told."""

    def __init__(self, config: NetConfig) -> None:
        self._config = config
        self.offer = "both"
        self.detect = "yes"
        self._found: dict[bool, str] = {}

    def towards(self, host: str, port: int) -> str:
        """The address for a remote.

        1. `always`: whatever the machine's routes say. 2. The advertised address, for those whom it is for. 3. The one that is
        bound. 4. All are bound: by the routes, to this remote, or (`no`) once to the world.
        """
        six = ":" in host
        if self.detect == "always":
            return local_address_towards(host, port)
        advertised = self._config.advertised(six)
        if advertised and self._is_for(host, six):
            return advertised
        bound = self._config.bound(six)
        if bound is not None:
            return bound
        return self._once(six) if self.detect == "no" else local_address_towards(host, port)

    def _is_for(self, host: str, six: bool) -> bool:
        """Whether the remote stands outside: with us in a local network, it may be in the same."""
        if self.offer == "internet":
            return True
        bound = self._config.bound(six)
        if bound is not None and not is_inside(bound):
            return True
        return self.offer == "both" and not is_inside(host)

    def _once(self, six: bool) -> str:
        if six not in self._found:
            try:
                self._found[six] = local_address_towards(*_ANYWHERE[six])
            except OSError:  # no way to the world
                self._found[six] = "::1" if six else "127.0.0.1"
        return self._found[six]


@lru_cache(maxsize=8192)
def is_inside(host: str) -> bool:
    """Whether an address is one that only a local network knows."""
    address = ip_address(host.partition("%")[0])
    return (address.is_private and not address.is_unspecified) or (
        address.version == 4 and address in _CARRIERS_NAT
    )
