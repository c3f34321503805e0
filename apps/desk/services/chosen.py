"""What is done to many accounts that were chosen in a list: to all of them, or to none."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.groups.models import AccountGroup
from apps.groups.services import add_members, remove_members
from apps.users import services as users
from apps.users.models import Account


def changeable(accounts: QuerySet[Account], by: Account) -> QuerySet[Account]:
    """Those of them that this member of staff may change: accounts of staff are an administrator's."""
    return accounts if by.is_superuser else accounts.filter(is_staff=False)


@transaction.atomic
def give_setting(*, accounts: QuerySet[Account], key: str, value: str | None, by: Account) -> int:
    """Give each a value of its own, or with None take it back. Answers how many there were. Raises ValidationError."""
    count = 0
    for account in changeable(accounts, by).order_by("pk").iterator(2000):
        try:
            if value is None:
                users.clear_own(account=account, key=key)
            else:
                users.set_own(account=account, key=key, value=value)
        except ValidationError as error:
            raise ValidationError(
                _("%(name)s: %(why)s") % {"name": account.username, "why": " ".join(error.messages)}
            ) from error
        count += 1
    return count


@transaction.atomic
def group(*, accounts: QuerySet[Account], name: AccountGroup, by: Account, out: bool = False) -> int:
    """Put them into a group, or take them out of it. Answers how many it changed."""
    change = remove_members if out else add_members
    return change(group=name, accounts=list(changeable(accounts, by)))
