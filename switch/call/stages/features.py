"""What the called account wants done with its calls (guide 6028-6129, 13485-13500), and the codes that phones dial."""

from __future__ import annotations

from dataclasses import replace

from switch.call.causes import ANONYMOUS, BUSY, DO_NOT_DISTURB, LOOP
from switch.call.model import Caller, CallRequest, Party, Rejection, Ring, Target
from switch.call.stages.state import Call
from switch.world.features import Group
from switch.world.world import World

CODES = (
    "code_pickup", "code_pickup_group", "code_forward_always", "code_forward_always_off", "code_forward_busy",
    "code_forward_busy_off", "code_forward_no_answer", "code_forward_no_answer_off", "code_do_not_disturb",
    "code_do_not_disturb_off",
)  # fmt: skip
_WITH_NUMBER = frozenset(
    ("code_pickup", "code_forward_always", "code_forward_busy", "code_forward_no_answer")
)
#: Whose codes are heeded: who has phones.
_PHONES = frozenset(("subscriber", "extension", "agent"))


def codes(call: Call, world: World) -> Call | Rejection:
    """Sets `service` and its one target when a code was dialled: alone, or before a number for those that need one."""
    if call.caller.kind not in _PHONES or not call.request.dialled:
        return call
    settings, dialled = call.settings, call.request.called
    access = settings.code_barge_in if settings.bargein != "none" else ""
    if access and dialled.startswith(access):
        return _service(call, "code_barge_in", access)
    if dialled[:1] not in {"*", "#"}:
        return call
    for key in CODES:
        code = getattr(settings, key)
        number = dialled.removeprefix(code)
        if code and dialled.startswith(code) and bool(number) == (key in _WITH_NUMBER):
            return _service(call, key, code)
    return call


def _service(call: Call, key: str, code: str) -> Call:
    """The call is for us: `key` is the setting whose code was dialled."""
    dialled = call.request.called
    call.service, call.called, call.destination = key, dialled, key
    call.targets = [Target("service", call.caller, dialled.removeprefix(code), why=key)]
    call.note(f"{code} is {key}.")
    return call


def treat(call: Call, world: World) -> Call | Rejection:
    """How the account that is called wants it; sets its one target, which rings, forwards or is refused.

    0. Where a route rule leads to several, their phones ring, and what each has set for its own calls does not count.
    1. Somebody calls itself: by the setting `allowselfcall`.
    2. Anonymous calls are refused where they are not wanted.
    3. An access number (`dialin`) answers, whatever its phones do.
    4. Forwarded always, or busy (do not disturb, in a call without call waiting) and forwarded then.
    5. Its phones and those of its ring group ring; what follows when nobody takes it goes along.
    """
    callee = call.local
    if callee is None or call.targets[0].kind != "local":  # a trunk, or a contact that who is called calls
        return call
    if call.ringing:
        call.targets = [replace(call.targets[0], ring=Ring(call.ringing))]
        return call
    settings, forwards = world.settings_of(callee), world.forwards(callee.id)
    if callee.id == call.caller.id and settings.allowselfcall != "yes":
        if settings.allowselfcall == "no" or not settings.selfforwardto:
            return call.refuse(BUSY, f"{callee.username} calls itself")
        return _forward(call, callee, settings.selfforwardto, "unconditional", world)
    if call.request.anonymous and settings.rejectanonymous:
        return call.refuse(ANONYMOUS, f"{callee.username} takes no anonymous calls")
    if settings.dialin:
        call.targets = [Target("dial_in", callee, call.called)]
        call.note(f"{callee.username} is an access number.")
        return call
    if "always" in forwards:
        return _forward(call, callee, forwards["always"].number, "unconditional", world)
    if settings.donotdisturb or (not settings.callwaiting and call.usage.engaged(callee.id)):
        if "busy" in forwards:
            return _forward(call, callee, forwards["busy"].number, "user-busy", world)
        cause = DO_NOT_DISTURB if settings.donotdisturb else BUSY
        return call.refuse(cause, f"{callee.username}: {cause.text.lower()}")
    call.targets = [_ringing(call, callee, world)]
    return call


def _forward(call: Call, callee: Caller, number: str, reason: str, world: World) -> Call | Rejection:
    """The call goes on to a number, unless it went in a circle or has been forwarded too often."""
    if refused := circle(call.request, callee, world):
        return call.refuse(LOOP, refused)
    call.targets = [Target("forward", callee, number, why=reason)]
    call.note(f"{callee.username} forwards to {number} ({reason}).")
    return call


def circle(request: CallRequest, callee: Caller, world: World) -> str:
    """Why the account may not forward this call (any more); "" when it may."""
    before = request.diversions
    if any(one.account_id == callee.id for one in before):
        return f"{callee.username} has forwarded this call already"
    if len(before) >= world.settings.maxforwards:
        return f"the call was forwarded {len(before)} times"
    return ""


def _ringing(call: Call, callee: Caller, world: World) -> Target:
    settings, forwards = world.settings_of(callee), world.forwards(callee.id)
    own = Party(callee.username, callee)
    group = world.group(callee.id)
    steps = ((own,),) if group is None else _steps(own, group, world)
    no_answer = forwards.get("no_answer")
    unreachable = forwards.get("unreachable") or no_answer  # guide 6126: or the called is not online
    ring = Ring(steps)
    if not circle(call.request, callee, world):
        ring = Ring(
            steps,
            busy=forwards["busy"].number if "busy" in forwards else "",
            no_answer=no_answer.number if no_answer else "",
            no_answer_after=(no_answer.seconds or settings.noanswertime) if no_answer else 0,
            unreachable=unreachable.number if unreachable else "",
        )
    return replace(call.targets[0], ring=ring)


def _steps(own: Party, group: Group, world: World) -> tuple[tuple[Party, ...], ...]:
    """Who rings at once, one step after the other. Members that do not want to be disturbed are passed over."""
    parties = [own] if group.own_phones else []
    for number, delay, seconds in group.members:
        account_id = world.local(number.removeprefix("+"))
        account = world.account(account_id) if account_id is not None else None
        if account is None:
            parties.append(Party(number, None, delay, seconds))
        elif account.enabled and not world.settings_of(account).donotdisturb:
            parties.append(Party(number, account, delay, seconds))
    return tuple((one._replace(delay=0),) for one in parties) if group.serial else (tuple(parties),)
