"""The called and the caller number, from what was dialled to the digits that prices and routes are looked up by."""

from __future__ import annotations

from urllib.parse import unquote

from apps.core.values.digits import prefix_of
from apps.numbers.engine.rules import ANONYMOUS
from switch.call.causes import BAD_NUMBER, NOT_AUTHORISED
from switch.call.model import Rejection
from switch.call.rewriting import after_authentication
from switch.call.stages.state import Call, above
from switch.world.world import World

#: Who may show a number that we do not know to be its own: it passes calls of others on.
TRUNKS = frozenset({"customer_trunk", "carrier"})
PHONES = frozenset({"subscriber", "extension", "agent"})


def normalise(call: Call, world: World) -> Call | Rejection:
    """Sets `called` and `caller_number`.

    A SIP user name of ours is called as it is. In a number, the caller's tech prefix goes first, then what
    people put between digits, then `+` or `00`, which both say that a country code follows.
    """
    if call.service:
        call.caller_number = own_number(call, world)
        return call
    raw = call.request.called.partition(";")[0]
    raw = unquote(raw) if "%" in raw else raw
    settings, how = call.settings, ""
    if settings.removetrailinghash:
        raw = raw.removesuffix("#")
    raw = _privacy(call, world, raw)
    prefix = prefix_of(_tech_prefixes(call, world), raw)
    dialled = raw.removeprefix(prefix)
    call.tech_prefix = prefix or settings.addtechprefix
    short = settings.code_speed_dial
    if short and dialled.startswith(short) and dialled[len(short) :].isdigit():
        number = world.speed_dial(call.caller, dialled[len(short) :])
        if number is None:
            return call.refuse(BAD_NUMBER, f"{dialled[:40]} stands for no number")
        call.note(f"{dialled} stands for {number}.")
        dialled = number
    call.caller_number = own_number(call, world)
    if settings.parsesipdisplayname == "no" and not call.request.shown_number:
        call.nameless = True
    if call.request.shown_number:
        named = {"username": call.caller.username, "number": call.caller_number}  # guide 2791-2796
        call.caller_display = named.get(settings.replacecalleronforward, "")
    if call.request.anonymous and not settings.allowanonymouscaller:
        return call.refuse(NOT_AUTHORISED, f"{call.caller.username} has to show a number")
    changed = after_authentication(call, world, dialled)
    if isinstance(changed, Rejection):
        return changed
    dialled = changed
    if world.credential(dialled):
        call.called = dialled
    else:
        found = world.normaliser(call.caller)(dialled)
        how = f" ({'; '.join(found.steps)})" if found.steps else ""
        if found.problem:
            return call.refuse(BAD_NUMBER, found.problem)
        call.called = found.number
    if call.called != call.request.called:
        call.note(f"{call.request.called[:40]} was dialled, that is {call.called}{how}.")
    return call


def _tech_prefixes(call: Call, world: World) -> str:
    """The caller's, or those of the account that brought the call of somebody who is known by its number or its PIN."""
    trunk = world.account(call.request.trunk) if call.request.trunk else None
    if trunk is None:
        return call.caller.tech_prefix
    call.note(f"{trunk.username} brought the call, which is that of {call.caller.username}.")
    return trunk.tech_prefix


def _privacy(call: Call, world: World, dialled: str) -> str:
    """The number behind a code that hides or shows who calls, this once (guide 387-388)."""
    settings = call.settings
    if call.caller.kind in PHONES and call.request.dialled:
        for code, privacy in ((settings.code_hide_number, "hide"), (settings.code_show_number, "show")):
            if code and dialled.startswith(code) and len(dialled) > len(code):
                call.privacy = privacy
                call.note(f"{code}: the caller number is {'hidden' if privacy == 'hide' else 'shown'}.")
                return dialled.removeprefix(code)
    return dialled


def own_number(call: Call, world: World) -> str:
    """The caller number, as the account's settings `cutanumber` and `rewriteanumber` have it (guide 2777-2789)."""
    number = _caller_number(call, world)
    settings = call.settings
    if call.request.shown_number and settings.replacecalleronforward == "no":
        return number  # of somebody else, whose call goes on
    if settings.rewriteanumber == ANONYMOUS:
        call.privacy = "hide"
    elif settings.rewriteanumber:
        return settings.rewriteanumber.removeprefix("+")
    for prefix in settings.cutanumber:
        if number.startswith(prefix) and number != prefix:
            return number.removeprefix(prefix)
    return number


def _caller_number(call: Call, world: World) -> str:
    """A trunk's calls show the number they came with; anybody else's the account's own or that of the one it belongs to."""
    if call.request.shown_number and call.settings.replacecalleronforward == "no":
        return call.request.shown_number
    if call.caller.kind in TRUNKS:
        settings = call.settings
        heeded = settings.parseidentity in {"number", "name"} and settings.trustedidentity != "no"
        asserted = call.request.asserted_number if heeded else ""
        for shown in (asserted, call.request.from_user):
            digits = world.normaliser(call.caller).shown(shown) if shown else ""
            if digits:
                return digits
    for account in above(call, world):
        if account.caller_number:
            return account.caller_number.removeprefix("+")
        if account.kind != "extension":
            break
    return call.caller.username
