"""Calls that registrations of ours bring in: whose they are, and for which number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.call.model import CallRequest
    from switch.sip.message import Request
    from switch.trunks.states import Trunks
    from switch.world.world import World


def by_registration(request: CallRequest, invite: Request, trunks: Trunks, world: World) -> None:
    """Note the carrier that the call came from, if our Contact with it says so or its address may be trusted.

    A server calls our Contact, whose user is our user name there. The number that was dialled stands in To then; where To
    has that user name too, the caller number of the account is called, if it is one of ours.
    """
    line = invite.target.params.get("line") or ""
    login = world.logins.get(trunks.login_of(line) or 0) if line else None
    if login is None:
        carrier = trunks.registrar_at(request.source_host)
        account = world.account(carrier) if carrier is not None else None
        if account is not None and world.settings_of(account).reuseupperreg:
            request.upper = account.id
        return
    request.upper = login.carrier
    if request.called == login.username:
        wanted = (invite.to.uri.user, login.username, login.caller_number)
        ours = (one for one in wanted if one and world.local(one.removeprefix("+")) is not None)
        request.called = next(ours, invite.to.uri.user or login.username)
