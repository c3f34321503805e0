"""Caller numbers by which subscribers are known when trunks bring their calls (guide 2151-2190)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.config import queries as config
from apps.core.values.digits import digits_of
from apps.users.choices import Kind
from apps.users.models import Account, KnownNumber

#: Kinds that may be known by a number: those that pay for calls of their own.
KINDS = (Kind.SUBSCRIBER, Kind.EXTENSION, Kind.AGENT, Kind.CALLING_CARD)
MOST = 20


@transaction.atomic
def note_number(*, account: Account, number: str, by_itself: bool = False) -> KnownNumber:
    """From now on calls with this number are the account's, if a trunk with `enablenumberlookup` brings them.

    Whoever notes a number pays for its calls, so nobody gains by another's. Raises ValidationError when an account does it
    `by_itself` and the setting `anumberhandling` has that off, when somebody is known by it already, or when the account has
    noted too many.
    """
    if by_itself and config.get("anumberhandling") not in {"add", "both"}:
        raise ValidationError({"number": _("Numbers cannot be noted now (setting anumberhandling).")})
    if account.kind not in KINDS:
        raise ValidationError({"number": _("An account of this kind is not known by a number.")})
    if account.known_numbers.count() >= MOST:
        raise ValidationError({"number": _("At most %(most)s numbers can be noted.") % {"most": MOST}})
    digits = _digits(number)
    if _belongs_to_another(digits, account):
        raise ValidationError({"number": _("Somebody else is known by this number.")})
    made = KnownNumber(account=account, number=digits)
    made.full_clean()
    made.save()
    return made


def _belongs_to_another(digits: str, account: Account) -> bool:
    own = Account.objects.filter(caller_number__in=(digits, f"+{digits}"), kind__in=KINDS)
    return own.exclude(pk=account.pk).exists()


@transaction.atomic
def forget_number(*, known: KnownNumber) -> None:
    """Calls with this number are the trunk's again."""
    known.delete()


def _digits(number: str) -> str:
    try:
        digits = digits_of(number)
    except ValueError:
        raise ValidationError({"number": _("This is not a number.")}) from None
    return digits if number.lstrip().startswith("+") else digits.removeprefix("00")
