"""Groups and who is in them: the only writers of `apps.groups.models`. All raise ValidationError, by field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.groups.models import AccountGroup, GroupMember
from apps.users.models import Account

_BATCH = 2000


@transaction.atomic
def create_group(*, name: str, comment: str = "", accounts: Iterable[Account] = ()) -> AccountGroup:
    """A new group, with members if any are given."""
    group = AccountGroup(name=name.strip(), comment=comment)
    group.full_clean()
    group.save()
    add_members(group=group, accounts=accounts)
    return group


@transaction.atomic
def change_group(*, group: AccountGroup, **fields: Any) -> AccountGroup:
    """Change name or comment; who is in it stays."""
    if unknown := fields.keys() - {"name", "comment"}:
        raise TypeError(f"A group has no field {', '.join(sorted(unknown))} that may be set here.")
    stored = AccountGroup.objects.select_for_update().get(pk=group.pk)
    for name, value in fields.items():
        setattr(stored, name, value)
    stored.name = stored.name.strip()
    stored.full_clean()
    stored.save()
    return stored


@transaction.atomic
def remove_group(*, group: AccountGroup) -> None:
    """The group and its memberships; the accounts stay.

    One that a rule names stays too, and the error says so: a rule that loses its only group would take anybody's calls.
    """
    AccountGroup.objects.select_for_update().filter(pk=group.pk).first()
    if namers := _namers(group):
        raise ValidationError(_("The group is still named by: %s.") % ", ".join(namers[:5]))
    AccountGroup.objects.filter(pk=group.pk).delete()


def _namers(group: AccountGroup) -> list[str]:
    """What of other apps names the group as a condition, whichever apps there are."""
    found = (
        one
        for one in AccountGroup._meta.get_fields(include_hidden=True)
        if one.is_relation and one.auto_created
    )
    relations = [
        one
        for one in found
        if one.related_model is not GroupMember and not one.related_model._meta.auto_created
    ]
    return sorted(
        str(row)
        for one in relations
        for row in one.related_model._base_manager.filter(**{one.field.name: group})[:5]
    )


@transaction.atomic
def add_members(*, group: AccountGroup, accounts: Iterable[Account]) -> int:
    """Put accounts into the group and answer how many were not in it yet. As many as there are: by statements of 2,000."""
    AccountGroup.objects.select_for_update().get(pk=group.pk)  # so that two who add the same count once
    known = set(group.members.values_list("account_id", flat=True))
    new = [GroupMember(group=group, account=one) for one in {one.pk: one for one in accounts}.values()]
    new = [member for member in new if member.account_id not in known]
    GroupMember.objects.bulk_create(new, batch_size=_BATCH)
    return len(new)


@transaction.atomic
def remove_members(*, group: AccountGroup, accounts: Iterable[Account]) -> int:
    """Take accounts out of the group and answer how many were in it."""
    gone, _by_model = group.members.filter(account__in=[one.pk for one in accounts]).delete()
    return gone


@transaction.atomic
def set_groups(*, account: Account, groups: Iterable[AccountGroup]) -> None:
    """The groups that the account itself is in, in the place of those that it was in."""
    wanted = {group.pk: group for group in groups}
    account.memberships.exclude(group__in=wanted).delete()
    for group in wanted.values():
        add_members(group=group, accounts=[account])
