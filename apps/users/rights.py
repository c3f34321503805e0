"""What the support staff may do: read everything and enter payments; nothing that changes prices, routes or staff."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

SUPPORT = "Support"
#: Besides reading: app and code name of each right.
ALSO = (("invoices", "add_payment"),)
#: What the office has no pages for, or what is nobody's but an administrator's.
WITHHELD = ("admin", "auth", "authtoken", "contenttypes", "sessions", "account")


def grant_support(sender: Any, using: str, **_signal: Any) -> None:
    """After a migration, as with Django's own rights: see that the group has those of the app that was migrated.

    An operator may add more to the group; whoever is to have less is taken out of it.
    """
    from django.contrib.auth.models import Group, Permission

    if sender.label in WITHHELD or not Permission.objects.using(using).exists():
        return
    group, _new = Group.objects.using(using).get_or_create(name=SUPPORT)
    wanted = Q(codename__startswith="view_")
    for app, codename in ALSO:
        wanted |= Q(content_type__app_label=app, codename=codename)
    group.permissions.add(
        *Permission.objects.using(using).filter(wanted, content_type__app_label=sender.label)
    )
