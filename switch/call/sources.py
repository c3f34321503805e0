"""What the address of a request says about it: whether it is heard at all, and whether it may prove who calls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from apps.core.values.networks import address_of, is_private

if TYPE_CHECKING:
    from switch.call.model import Caller, CallRequest
    from switch.world.settings import Settings
    from switch.world.world import World

NEAR = frozenset(("own", "private"))
"""Values of `allowtrustedip` for which it matters whether a request comes from this machine."""


def from_us(host: str, local: str) -> bool:
    """Whether it comes from this machine; `local`: our address as the sender is told it."""
    return host == local or address_of(host).is_loopback


def heard(host: str, settings: Settings) -> bool:
    """Whether requests from this address are taken (`canacceptlocalip`, `hasinternalaccess`, guide 4838-4851)."""
    if settings.canacceptlocalip and settings.hasinternalaccess:
        return True
    address = address_of(host)
    if address.is_loopback:
        return settings.canacceptlocalip
    return settings.hasinternalaccess or not is_private(address)


def abroad(account: Caller, host: str, world: World, port: int = 0, names: Iterable[str] = ()) -> str:
    """Why the account may not call from that country, in words (`allowcountries`, `blockcountries`); "": it may.

    Not asked where the operator has entered the address for the account, `names` being the hosts that lead to it. An address
    of no country, and every one while there is no file of countries, is as if there were no such setting.
    """
    settings = world.settings_of(account)
    if world.countries is None or not (settings.allowcountries or settings.blockcountries):
        return ""
    country = world.countries.of(host)
    if not country:
        return ""
    if country in settings.blockcountries:
        why = f"{host} is in {country} (blockcountries)"
    elif settings.allowcountries and country not in settings.allowcountries:
        why = f"{host} is in {country} (allowcountries)"
    else:
        return ""
    known = any(one.account_id == account.id for one in world.sources(host, port, names))
    return "" if known else why


def proves(request: CallRequest, settings: Settings) -> bool:
    """Whether the address alone may prove who calls (`allowtrustedip`, guide 8972-8979): others can forge it."""
    if settings.allowtrustedip == "all":
        return True
    if settings.allowtrustedip == "none":
        return False
    if request.from_us:
        return True
    return settings.allowtrustedip == "private" and is_private(address_of(request.source_host))
