"""Who calls: an account known by where the call comes from and what it says, or one that has proved a password.

What an account is known by, its setting `needauth` says (guide 1567-1589, 2126-2143).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from switch.call.causes import INTERNAL, UNKNOWN_SOURCE
from switch.call.model import Caller, CallRequest, NeedsDigest, Rejection
from switch.call.sources import proves
from switch.world.sources import Source
from switch.world.world import World

Admits = Callable[[Caller, Source, CallRequest], bool]

SECRET_ALONE: Final = frozenset(("auto", "password"))
SECRET_AND_ADDRESS: Final = frozenset(("address_password", "network_password"))
#: Values of `anumberhandling` by which accounts are known by their caller numbers.
KNOWS: Final = frozenset(("accept", "both", "only"))
#: Kinds that calls of trunks may be taken for: those that pay for calls of their own.
KNOWN: Final = frozenset(("subscriber", "extension", "agent", "calling_card"))
#: Whom strangers call as, where they may (guide 11551).
STRANGER: Final = "sysanonymous"


def identify(request: CallRequest, world: World) -> Caller | NeedsDigest | Rejection:
    """The account that calls: the one that the call comes from, or the subscriber whose number a trunk's call bears."""
    found = _source_of(request, world)
    if isinstance(found, Caller) and found.kind == "customer_trunk" and not request.upper:
        return _by_number(found, request, world)
    return found


def _by_number(trunk: Caller, request: CallRequest, world: World) -> Caller | Rejection:
    """The subscriber that is known by its caller number, if the trunk's can be relied on, else the trunk (guide 2151-2190)."""
    handling = world.settings.anumberhandling
    if handling not in KNOWS or not world.settings_of(trunk).enablenumberlookup:
        return trunk
    account_id = world.calls_from(world.normaliser(trunk).shown(request.from_user))
    account = world.account(account_id) if account_id is not None else None
    if account is not None and account.enabled and account.kind in KNOWN:
        request.trunk = trunk.id
        return account
    if handling == "only":
        return Rejection(UNKNOWN_SOURCE, f"nobody is known by the number {request.from_user[:40]!r}", trunk)
    return trunk


def _source_of(request: CallRequest, world: World) -> Caller | NeedsDigest | Rejection:
    """The account that the call comes from.

    0. A call that came by a registration of ours is the carrier's that we are registered with.
    1. A digest that was proved names it, if it may be known by its password, from there.
    2. Of the accounts that a certificate of the sender names, the first whose tech prefix the called number begins with;
       then of those that may call from this address, the first that what it is known by fits besides.
    3. An account that is known by its tech prefix, or by the user name or caller number in From, from anywhere.
    4. Who has a password, by the SIP user name in From or by its address, is asked for it: phones may stand behind a
       trunk's address.
    5. The open relay, or who stands for strangers, if there is one and the setting `enforcestrongauth` does not forbid it.
    6. An address that is known, but nothing fits, is refused: a trunk cannot answer a challenge. Anybody else is
       asked for a digest.
    """
    if request.digest_username:
        return _proved(request, world)
    if request.upper:
        return _account(request.upper, world)
    for source in world.certified(request.certified) if request.certified else ():
        if request.called.startswith(source.tech_prefix):
            return _account(source.account_id, world)
    sources = world.sources(request.source_host, request.source_port, request.named)
    trusted = proves(request, world.settings) if sources else False
    asked = False
    for source in sources:
        account = world.account(source.account_id)
        if account is None:
            return _missing(source.account_id)
        mode = world.settings_of(account).needauth
        admits = BY_ADDRESS.get(mode)
        if admits is None:
            asked = asked or mode in SECRET_ALONE or mode in SECRET_AND_ADDRESS
        elif trusted and admits(account, source, request):
            return account
    found = _from_anywhere(request, world)
    if found is not None:
        return found
    if asked or world.credential(request.from_user) is not None:
        return NeedsDigest()
    if not world.settings.enforcestrongauth and (stranger := _stranger(request, world)) is not None:
        return stranger
    if sources and trusted:
        return Rejection(
            UNKNOWN_SOURCE, f"what the accounts at {request.source_host} are known by does not fit"
        )
    return NeedsDigest()


def may_prove(account: Caller, host: str, port: int, world: World, names: Iterable[str] = ()) -> bool:
    """Whether the account may be known by its password when it calls or registers from there.

    `names`: host names that lead to the address."""
    mode = world.settings_of(account).needauth
    if mode in SECRET_ALONE:
        return True
    return mode in SECRET_AND_ADDRESS and any(
        one.account_id == account.id and (one.exact or mode == "network_password")
        for one in world.sources(host, port, names)
    )


def _proved(request: CallRequest, world: World) -> Caller | Rejection:
    credential = world.credential(request.digest_username)
    if credential is None:
        return Rejection(UNKNOWN_SOURCE, f"nobody has the SIP user name {request.digest_username!r}")
    account = _account(credential.account_id, world)
    if isinstance(account, Caller) and not may_prove(
        account, request.source_host, request.source_port, world, request.named
    ):
        return Rejection(
            UNKNOWN_SOURCE,
            f"{account.username} may not call from {request.source_host} by its password",
            account,
        )
    return account


def _from_anywhere(request: CallRequest, world: World) -> Caller | None:
    """Accounts that have been told to be known by what anybody could say."""
    if "prefix" in world.doors:
        for account_id in world.prefixed(request.called):
            account = world.account(account_id)
            if account is not None and world.settings_of(account).needauth == "prefix":
                return account
    if "user" in world.doors:
        named = world.known_as(request.from_user)
        account = world.account(named) if named is not None else None
        if account is not None and world.settings_of(account).needauth == "user":
            return account
    return None


def _stranger(request: CallRequest, world: World) -> Caller | Rejection | None:
    """The open relay, or the account that strangers call as: anywhere, or the accounts of `freeaccessuserid` only."""
    if "open" in world.doors:
        return _account(world.doors["open"][0], world)
    settings = world.settings
    if not settings.allowanonymoususers and not settings.freeaccessuserid:
        return None
    if settings.allowanonymoususers:
        return world.named(STRANGER)
    wanted = world.local(request.called)
    account = world.account(wanted) if wanted is not None else None
    free = account is not None and account.username in settings.freeaccessuserid
    return world.named(STRANGER) if free else None


def _is_user(account: Caller, source: Source, request: CallRequest) -> bool:
    said = request.from_user.removeprefix("+")
    return request.from_user == account.username or said == account.caller_number.removeprefix("+") != ""


def _prefix_fits(account: Caller, source: Source, request: CallRequest) -> bool:
    return request.called.startswith(source.tech_prefix)


#: By the value of `needauth`: what must fit besides the address. Those that are missing are not known by their address alone.
BY_ADDRESS: Final[dict[str, Admits]] = {
    "auto": _prefix_fits,
    "address": lambda account, source, request: source.exact,
    "address_prefix": lambda account, source, request: (
        source.tech_prefix != "" and _prefix_fits(account, source, request)
    ),
    "address_port": lambda account, source, request: source.port != 0,
    "address_user": _is_user,
    "network": lambda account, source, request: True,
}


def _account(account_id: int, world: World) -> Caller | Rejection:
    return world.account(account_id) or _missing(account_id)


def _missing(account_id: int) -> Rejection:
    return Rejection(INTERNAL, f"account {account_id} is named by the snapshot, but not in it")
