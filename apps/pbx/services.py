"""Forwards, ring groups and short numbers: the only writers of `apps.pbx.models`. All raise ValidationError, by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.pbx.models import Forward, GroupMode, RingGroup, RingMember, SpeedDial
from apps.users.models import Account
from apps.users.queries import settings_of
from apps.users.rules import REGISTERING
from apps.users.services import open_newcomer, set_own

Members = Sequence[Mapping[str, Any]]
MOST_MEMBERS = 50


@transaction.atomic
def set_forward(
    *, account: Account, kind: str, number: str, seconds: int = 0, enabled: bool = True
) -> Forward:
    """Let the calls of an account go on to a number in this case, in the place of what was said before."""
    _check_owner(account)
    found = Forward.objects.select_for_update().filter(account=account, kind=kind).first()
    forward = found or Forward(account=account, kind=kind)
    forward.number, forward.seconds, forward.enabled = _plain(number), seconds, enabled
    if forward.number == account.username:
        raise ValidationError({"number": _("Calls cannot go on to where they come from.")})
    forward.full_clean()
    forward.save()
    return forward


@transaction.atomic
def clear_forward(*, account: Account, kind: str) -> None:
    """Nothing goes on in this case any more."""
    Forward.objects.filter(account=account, kind=kind).delete()


@transaction.atomic
def set_ring_group(
    *,
    account: Account,
    mode: str = GroupMode.PARALLEL,
    own_phones: bool = True,
    members: Members | None = None,
) -> RingGroup:
    """Make or change the account's ring group; `members`, if given, replace those it has (arguments of `add_member`)."""
    _check_owner(account)
    found = RingGroup.objects.select_for_update().filter(account=account).first()
    group = found or RingGroup(account=account)
    group.mode, group.own_phones = mode, own_phones
    group.full_clean()
    group.save()
    if members is not None:
        group.members.all().delete()
        for place, member in enumerate(members, 1):
            add_member(group=group, **{"place": place} | dict(member))
    return group


@transaction.atomic
def remove_ring_group(*, group: RingGroup) -> None:
    """Only the account's own phones ring again."""
    RingGroup.objects.filter(pk=group.pk).delete()


@transaction.atomic
def add_member(*, group: RingGroup, number: str, **fields: Any) -> RingMember:
    """Let one more number ring."""
    if group.members.count() >= MOST_MEMBERS:
        raise ValidationError(
            {"number": _("A ring group has at most %(most)s members.") % {"most": MOST_MEMBERS}}
        )
    return _save_member(RingMember(group=group), {"number": number} | fields)


@transaction.atomic
def change_member(*, member: RingMember, **fields: Any) -> RingMember:
    _save_member(RingMember.objects.select_for_update().get(pk=member.pk), fields)
    member.refresh_from_db()
    return member


@transaction.atomic
def set_speed_dial(*, account: Account, code: str, number: str, name: str = "") -> SpeedDial:
    """Let a short number of the account stand for another number."""
    _check_owner(account)
    found = SpeedDial.objects.select_for_update().filter(account=account, code=code).first()
    dial = found or SpeedDial(account=account, code=code)
    dial.number, dial.name = _plain(number), name
    dial.full_clean()
    dial.save()
    return dial


@transaction.atomic
def remove_speed_dial(*, account: Account, code: str) -> None:
    SpeedDial.objects.filter(account=account, code=code).delete()


#: Settings that the owner of the phones may switch.
SWITCHES = ("donotdisturb", "rejectanonymous", "callwaiting")


@transaction.atomic
def set_features(
    *,
    account: Account,
    forwards: Mapping[str, tuple[str, int]],
    switches: Mapping[str, bool],
    speed_dials: Mapping[str, tuple[str, str]],
) -> None:
    """All that the owner of the phones sets, in one go.

    `forwards`: case → number and seconds, "" ends it; `speed_dials`: all short numbers, with number and name.
    """
    for kind, (number, seconds) in forwards.items():
        if number:
            set_forward(account=account, kind=kind, number=number, seconds=seconds)
        else:
            clear_forward(account=account, kind=kind)
    effective = {one.definition.key: one.value for one in settings_of(account)}
    for key in SWITCHES:
        if switches[key] != effective[key]:
            set_own(account=account, key=key, value=switches[key])
    for code in account.speed_dials.exclude(code__in=speed_dials).values_list("code", flat=True):
        remove_speed_dial(account=account, code=code)
    for code, (number, name) in speed_dials.items():
        set_speed_dial(account=account, code=code, number=number, name=name)


def carry_out(*, order: Mapping[str, Any]) -> str:
    """What a phone has set by a code (see `switch.call.services`), or that it is new here (`switch.registrar`); answers why not, or "". May be carried out twice."""
    if order.get("what") == "open":
        return open_newcomer(username=str(order.get("username")))
    account = Account.objects.filter(pk=int(order.get("account") or 0)).first()
    if account is None:
        return "there is no such account"
    try:
        if order.get("what") == "switch" and order.get("key") in SWITCHES:
            set_own(account=account, key=order["key"], value=bool(order.get("value")))
        elif order.get("what") != "forward":
            return "nobody knows such an order"
        elif order.get("number"):
            set_forward(account=account, kind=str(order.get("kind")), number=str(order["number"]))
        else:
            clear_forward(account=account, kind=str(order.get("kind")))
    except ValidationError as error:
        return "; ".join(error.messages)
    return ""


def _save_member(member: RingMember, fields: dict[str, Any]) -> RingMember:
    for name, value in fields.items():
        setattr(member, name, _plain(value) if name == "number" else value)
    if member.number == member.group.account.username:
        raise ValidationError(
            {"number": _("Its own phones ring anyway, unless the group says that they do not.")}
        )
    member.full_clean()
    member.save()
    return member


def _check_owner(account: Account) -> None:
    if account.kind not in REGISTERING:
        raise ValidationError({"account": _("Only accounts with phones have call features.")})


def _plain(number: str) -> str:
    """Of a telephone number, what people put between its digits goes."""
    digits = "".join(sign for sign in number if sign not in " ()/-")
    return digits if digits.removeprefix("+").isdigit() else number.strip()
