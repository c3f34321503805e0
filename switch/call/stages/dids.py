"""Calls to the numbers that we have given to accounts, and the number of ours that a call shows (`apps.dids.engine`)."""

from __future__ import annotations

from functools import partial

from apps.dids import engine
from apps.dids.engine import Asked, Did, Found, Ways
from switch.call.causes import ACCOUNT_DISABLED, NOT_AUTHORISED, UNKNOWN_NUMBER
from switch.call.model import Caller, Rejection, Target
from switch.call.stages.identify import KNOWS
from switch.call.stages.state import Call
from switch.world.settings import Settings
from switch.world.world import World

#: Who brings calls from outside: their own account is not the one that calls.
TRUNKS = frozenset(("customer_trunk", "carrier", "reseller"))
#: Kinds that the setting `usergroup` keeps to each other.
OURS = ("subscriber", "extension", "agent", "calling_card")
BUSY, OFFLINE, UNDISTURBED = 1, 2, 3


def to_account(call: Call, account: Caller, world: World, why: str) -> Call | Rejection:
    """The call stays inside: it is for this account of ours."""
    if not account.enabled:
        return call.refuse(ACCOUNT_DISABLED, f"{account.username}, who is called, is disabled")
    if strangers(call.caller, account, world):
        return call.refuse(
            NOT_AUTHORISED,
            f"{account.username}, who is called, has another setting usergroup than the caller",
        )
    call.local, call.destination = account, account.username
    why = f"{why}: the call stays inside and is free"
    call.targets = [Target("local", account, call.called, why=why)]
    call.note(f"{why}.")
    return call


def strangers(caller: Caller, called: Caller, world: World) -> bool:
    """Whether two of our subscribers may not call each other, because they are of different user groups (guide 1519)."""
    if caller.kind not in OURS:
        return False  # a trunk or a carrier brings calls from outside
    return world.settings_of(caller).usergroup != world.settings_of(called).usergroup


def led(call: Call, world: World, local: Caller | None) -> Call | Rejection | None:
    """What numbers of ours say of a call whose called number is `local`'s, or nobody's; None: nothing.

    1. Calls of some trunks are led by the caller's number alone (`anumberlookup`).
    2. A short number of who stands beside the caller.
    3. A shared number: where contacts and last calls lead.
    4. A number that accounts have: to the best of them; a trunk gets it as a number of its own.
    """
    dids = world.dids
    by_caller = call.settings.anumberlookup
    if by_caller == "always" or (by_caller == "unknown" and local is None and not dids.ours(call.called)):
        found = _looked_up(call, world, None)
        if found is not None:
            return found
    if local is not None:
        return None
    short = dids.short_number(call.caller.path, call.called, partial(_above, world))
    account = world.account(short) if short is not None else None
    if account is not None:
        return to_account(call, account, world, f"{call.called} is the short number of {account.username}")
    did = dids.of(call.called)
    if did is None:
        return None
    return _looked_up(call, world, did) if did.shared else _held(call, world, did)


def shows(call: Call, world: World) -> Call | Rejection:
    """Sets `caller_number` to a number of ours, where the setting `replaceanumwithdid` has one for this call.

    Who has no caller number of its own shows the first of the numbers that it has.
    """
    dids, caller = world.dids, call.caller
    if call.request.shown_number or caller.kind in TRUNKS or not (dids.held or dids.shared):
        return call
    number = ""
    mode = world.settings_of(caller).replaceanumwithdid
    if mode != "no" and (dids.shared or mode != "auto"):
        names = [call.called, *([call.local.username] if call.local is not None else [])]
        number = engine.shown(dids, call.usage.recent, mode, path=caller.path, called=names, now=call.now)
    if not number and call.caller_number == caller.username:
        number = next((own for one in reversed(caller.path) if (own := dids.first_of(one))), "")
    if number and number != call.caller_number:
        call.note(f"The called sees {number}, a number of ours.")
        call.caller_number = number
    return call


def rank(call: Call, world: World, account_id: int) -> int | None:
    """How well an account can be reached now: the least is best, None: not at all."""
    account = world.account(account_id)
    if account is None or not account.enabled:
        return None
    settings, forwards = world.settings_of(account), world.forwards(account_id)
    if "always" in forwards:
        return engine.AVAILABLE
    if settings.donotdisturb:
        return UNDISTURBED
    if world.trunk(account_id) is None and not call.usage.online(account_id):
        return BUSY if "unreachable" in forwards else OFFLINE
    return BUSY if call.usage.engaged(account_id) else engine.AVAILABLE


def _above(world: World, account_id: int) -> int:
    account = world.account(account_id)
    return account.path[-2] if account is not None and len(account.path) > 1 else 0


# --- shared numbers -----------------------------------------------------------------------------------------------------------------


def _looked_up(call: Call, world: World, did: Did | None) -> Call | Rejection | None:
    """Where contacts and last calls lead; `did` None: by the caller's number alone."""
    if did is not None and not is_on(world.settings, bool(world.dids.shared)):
        return None
    who = _caller_itself(call, world)
    names = (who.username, who.caller_number, *world.dids.held.get(who.id, ())) if who is not None else ()
    asked = Asked(
        did.number if did is not None else "",
        call.request.from_user if call.caller.kind in TRUNKS else call.caller_number,
        call.now,
        who.id if who is not None else 0,
        tuple(name for name in names if name),
    )
    found = engine.look_up(
        world.dids,
        call.usage.recent,
        asked,
        ways(world.settings, shared=did is not None),
        partial(_rank_inside, call, world, did),
        world.local,
    )
    if found is None:
        call.note(
            f"{call.called} is shared, and nothing leads from the caller to anybody."
            if did
            else "The caller leads to nobody."
        )
        return None
    return _to(call, world, found, did, who)


def is_on(settings: Settings, there_are: bool) -> bool:
    """Whether shared numbers are looked up: the guide's auto turns on with the first of them."""
    if settings.feature_shareddidnumbers == "auto":
        return there_are
    return settings.feature_shareddidnumbers != "no"


def ways(settings: Settings, *, shared: bool = True) -> Ways:
    """What the look-up may use."""
    how, calls = settings.feature_shareddidnumbers, settings.shareddid_checkcdr
    more = how in {"extended", "extreme"} or calls == "extra"
    return Ways(
        contacts=settings.shareddid_checkcontactlist != "no",
        calls=calls != "no" or how in {"last_calls", "extended", "extreme"},
        longest=engine.LONG if more else engine.LATER,
        last_user=shared and how == "extreme",
        inside=settings.checklocaluserforshareddid,
    )


def _caller_itself(call: Call, world: World) -> Caller | None:
    """The account of ours that calls: who proved it, or who calls from a number that it is known by (`anumberhandling`)."""
    if call.caller.kind not in TRUNKS:
        return call.caller
    if world.settings.anumberhandling not in KNOWS:
        return None
    number = call.request.from_user.removeprefix("+").removeprefix("00")
    account_id = world.noted(number)
    account = world.account(account_id) if account_id is not None else None
    return account if account is not None and account.enabled else None


def _rank_inside(call: Call, world: World, did: Did | None, account_id: int) -> int | None:
    """As `rank`, of accounts of the number's company only, and never the caller itself."""
    account = world.account(account_id)
    if account is None or account.id == call.caller.id:
        return None
    if did is not None and did.company and did.company not in account.path:
        return None
    return rank(call, world, account_id)


def _to(
    call: Call, world: World, found: Found, did: Did | None, who: Caller | None
) -> Call | Rejection | None:
    why = f"{did.number if did else call.called}: step {found.step}, {found.why}"
    account = world.account(found.account) if found.account else None
    if account is not None:
        return to_account(call, account, world, why)
    call.note(f"{why}, {found.number}.")
    if who is call.caller:  # as if it had dialled that number, which it pays for
        if did is not None:
            call.caller_number = did.number
        call.called = found.number
        return None
    if who is None:
        return None
    call.local, call.destination = who, who.username
    call.targets = [Target("forward", who, found.number, why="unconditional")]
    return call


# --- held numbers -------------------------------------------------------------------------------------------------------------------


def _held(call: Call, world: World, did: Did) -> Call | Rejection | None:
    """To the best of those who have the number."""
    chosen = engine.best(did.holders, partial(rank, call, world))
    account = world.account(chosen) if chosen is not None else None
    if account is None:
        call.note(f"{did.number} is ours, and nobody who has it can be called.")
        return None
    beside = f", the best of {len(did.holders)}" if len(did.holders) > 1 else ""
    why = f"{did.number} is a number of {account.username}{beside}"
    trunk = world.trunk(account.id)
    if trunk is None:
        return to_account(call, account, world, why)
    call.local, call.destination = account, account.username
    call.targets = [
        Target("trunk", account, trunk.prefix + call.called[trunk.strip_digits :], trunk, why=why)
    ]
    call.note(f"{why}: the call goes there and is free.")
    return call


def nobodys(call: Call, world: World) -> Call | Rejection | None:
    """A number of ours that leads nowhere, and one that a carrier brings and nobody knows: to `didhandleruser`, or nowhere.

    None: it is no number of ours.
    """
    ours = world.dids.ours(call.called)
    if not ours and call.caller.kind != "carrier":
        return None
    handler = world.settings.didhandleruser
    account_id = world.local(handler.removeprefix("+")) if handler else None
    account = world.account(account_id) if account_id is not None else None
    if account is not None and account.id != call.caller.id:
        return to_account(
            call, account, world, f"{call.called} is nobody's, and {account.username} takes such calls"
        )
    if ours:
        return call.refuse(UNKNOWN_NUMBER, f"{call.called} is a number of ours that nobody has")
    return None
