"""Second factors that were lost."""

from __future__ import annotations

import logging

from allauth.mfa.models import Authenticator
from django.db import transaction

from apps.users.models import Account

logger = logging.getLogger(__name__)


@transaction.atomic
def remove_second_factors(*, account: Account, by: Account) -> int:
    """Take all of them away, recovery codes too, from somebody who cannot log in any more; how many there were."""
    removed = Authenticator.objects.filter(user=account).delete()[0]
    logger.warning("account=%s: %s removed %s second factors", account.username, by.username, removed)
    return int(removed)
