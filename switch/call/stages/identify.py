"""Who calls: an account known by the address it calls from, or one that has proved a password."""

from __future__ import annotations

from switch.call.causes import INTERNAL, UNKNOWN_SOURCE
from switch.call.model import Caller, CallRequest, NeedsDigest, Rejection
from switch.world.world import World


def identify(request: CallRequest, world: World) -> Caller | NeedsDigest | Rejection:
    """The account that calls.

    1. A digest that was proved names it.
    2. Of the accounts that a certificate of the sender names, the first whose tech prefix the called number begins with;
       then of those that may call from this address.
    3. A name that is known, or an address that is known, but not with this tech prefix, is refused: a trunk cannot answer a
       challenge. Unless the caller uses a SIP user name of ours: phones may stand behind the same address.
    4. Anybody else is asked for a digest.
    """
    if request.digest_username:
        credential = world.credential(request.digest_username)
        if credential is None:
            return Rejection(UNKNOWN_SOURCE, f"nobody has the SIP user name {request.digest_username!r}")
        return _account(credential.account_id, world)
    sources = world.certified(request.certified) if request.certified else []
    sources += world.sources(request.source_host, request.source_port)
    for source in sources:
        if request.called.startswith(source.tech_prefix):
            return _account(source.account_id, world)
    if sources and world.credential(request.from_user) is None:
        return Rejection(
            UNKNOWN_SOURCE, f"no account at {request.source_host} has the tech prefix of the call"
        )
    return NeedsDigest()


def _account(account_id: int, world: World) -> Caller | Rejection:
    account = world.account(account_id)
    return account or Rejection(INTERNAL, f"account {account_id} is named by the snapshot, but not in it")
