"""Who may pay for an account that stands elsewhere in the tree (guide 1509-1513: the billing user)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import path_ids

#: Kinds that may have a payer: not extensions, whose subscriber may; not resellers, who pay for what their customers call.
PAID = (Kind.SUBSCRIBER, Kind.AGENT, Kind.CALLING_CARD, Kind.CUSTOMER_TRUNK)
#: Kinds that may be one.
PAYERS = (Kind.SUBSCRIBER, Kind.CUSTOMER_TRUNK)


def check_payer(account: Account, *, above: Account | None) -> None:
    """Refuse a payer that cannot be one. Who holds the lock of the tree calls it, so nobody changes what it looks at.

    1. It is a subscriber or a customer trunk, and not the account itself.
    2. It pays for itself, and nobody whom the account pays for is left to it: so there are no chains and no circles.
    3. The same resellers stand above both: each reseller on the way up sells what it pays for.
    """
    payer = account.payer
    if payer is None:
        return
    if account.kind not in PAID or payer.kind not in PAYERS or payer.pk == account.pk:
        raise ValidationError({"payer": _("An account of this kind is not paid for by that one.")})
    if payer.payer_id is not None or (account.pk is not None and account.pays_for.exists()):
        raise ValidationError({"payer": _("Who pays for others pays for itself too.")})
    if _resellers(above) != _resellers(payer.parent):
        raise ValidationError({"payer": _("Who pays stands below the same resellers.")})


def check_move(account: Account, *, moved: bool) -> None:
    """Refuse what would leave somebody with a payer that may not be one: another kind of payer, or a move away from it."""
    if account.kind not in PAYERS and account.pays_for.exists():
        raise ValidationError({"kind": _("It pays for other accounts.")})
    if not moved:
        return
    here = Account.objects.filter(path__startswith=Account.objects.get(pk=account.pk).path).values("pk")
    others = Account.objects.exclude(payer=None).exclude(pk=account.pk)
    apart = Q(pk__in=here) ^ Q(payer__in=here)
    if others.filter(apart).exists():
        raise ValidationError(
            {"parent": _("Some account there is paid for by one elsewhere; take the payer away first.")}
        )


def _resellers(account: Account | None) -> list[int]:
    """The resellers and owners from the top down to the account."""
    if account is None:
        return []
    kinds = dict(Account.objects.filter(pk__in=path_ids(account)).values_list("pk", "kind"))
    return [pk for pk in path_ids(account) if kinds.get(pk) in (Kind.RESELLER, Kind.OWNER)]
