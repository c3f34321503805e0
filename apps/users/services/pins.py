"""PINs of accounts: drawn, told once, and kept as digests only (guide 424, 1537, 2194-2215).

They are never chosen: who could choose would learn which ones others have.
"""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.users import pins
from apps.users.models import Account, Pin
from apps.users.services.known_numbers import KINDS


@transaction.atomic
def new_pin(*, account: Account) -> str:
    """Give the account a PIN that no other has, in place of the one that it had, and answer it: nobody can read it again.

    It has as many digits as the setting `pinlength` says. Raises ValidationError for an account that places no calls of its own.
    """
    if account.kind not in KINDS:
        raise ValidationError({"pin": _("An account of this kind has no PIN.")})
    Account.objects.select_for_update().get(pk=account.pk)
    while True:
        pin = pins.drawn(int(config.get("pinlength")))
        digest = pins.digest(pin, settings.SECRET_KEY)
        if not Pin.objects.filter(digest=digest).exists():
            break
    Pin.objects.update_or_create(account=account, defaults={"digest": digest, "changed_at": timezone.now()})
    return pin


@transaction.atomic
def remove_pin(*, account: Account) -> None:
    """Nobody is known as the account by a PIN any more."""
    Pin.objects.filter(account=account).delete()
