"""What a reseller may see and touch. Whoever is no reseller, or may not, finds nothing here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from apps.invoices.services.topups import is_early
from apps.pricing.models import Rate, Tariff, TariffKind
from apps.pricing.queries import tariff_of
from apps.recordings.queries import lets_listen
from apps.resellers.rights import NOTHING, Rights, resolve
from apps.users.choices import Kind
from apps.users.models import Account
from apps.users.queries import Effective, ancestors, below, settings_of

Known = dict[str, Effective]
"""Settings of an account by their keys."""

#: Kinds that a reseller opens and looks after; customer trunks are opened by the office, because of their addresses.
OPENED = (Kind.SUBSCRIBER, Kind.RESELLER)
LOOKED_AFTER = (*OPENED, Kind.CUSTOMER_TRUNK)
SOLD = (TariffKind.RETAIL, TariffKind.RESELLER)


def rights_of(user: Account, known: Known | None = None) -> Rights:
    """What a reseller may do: what its own settings say, within what those of each reseller above it do.

    `known`: its settings, where who asks has them.
    """
    if user.kind != Kind.RESELLER or not user.is_active:
        return NOTHING
    found = _own_rights(known or _known(user))
    for above in ancestors(user):
        if above.kind == Kind.RESELLER and found != NOTHING:
            found = found.within(_own_rights(_known(above)))
    return found


def _own_rights(known: Known) -> Rights:
    level = known["rights"]
    return resolve(
        level=str(level.value),
        set_for_it=level.source is not None,
        create_resellers=str(known["allow_createresellers"].value),
        edit_tariffs=str(known["allow_tariffedit"].value),
        billed_early=is_early(early=bool(known["earlypay"].value)),
    )


def features_of(user: Account, known: Known | None = None) -> dict[str, Any]:
    """The values of the settings that open functions of the portal, by key."""
    return {key: one.value for key, one in (known or _known(user)).items() if key.startswith("feature_")}


def _known(account: Account) -> Known:
    return {one.definition.key: one for one in settings_of(account)}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the portal's frame asks about its reader, by one look at the settings."""

    rights: Rights
    features: dict[str, Any]
    listens: bool


def standing_of(user: Account) -> Standing:
    known = _known(user)
    return Standing(
        rights_of(user, known),
        features_of(user, known),
        lets_listen(user, str(known["recordlisten"].value)),
    )


def looked_after(reseller: Account, rights: Rights | None = None) -> QuerySet[Account]:
    """The accounts that a reseller may change: those directly below it; with more rights all below it."""
    rights = rights or rights_of(reseller)
    if not rights.accounts:
        return Account.objects.none()
    every = below(reseller).filter(kind__in=LOOKED_AFTER)
    return every if rights.further else every.filter(parent=reseller)


def own_tariffs(reseller: Account) -> QuerySet[Tariff]:
    """The price lists that a reseller has made."""
    if reseller.kind != Kind.RESELLER:
        return Tariff.objects.none()
    return Tariff.objects.filter(owner=reseller, kind__in=SOLD)


def cost_tariff(reseller: Account) -> Tariff | None:
    """The list that a reseller pays by itself: nothing of its own may be cheaper."""
    return tariff_of(reseller, TariffKind.RESELLER)


def house_tariff(reseller: Account) -> Tariff | None:
    """The list that its customers would pay by if it had none of its own: that of whoever is above it."""
    return tariff_of(reseller.parent, TariffKind.RETAIL) if reseller.parent else None


def sources(reseller: Account) -> list[Tariff]:
    """The lists that a new one may begin as a copy of: its own, what it pays by, what its customers pay by without it."""
    found = [
        *own_tariffs(reseller),
        cost_tariff(reseller),
        house_tariff(reseller),
        tariff_of(reseller, TariffKind.RETAIL),
    ]
    return list({one.pk: one for one in found if one is not None and one.kind in SOLD}.values())


def rates_of(tariff: Tariff, text: str = "") -> QuerySet[Rate]:
    """The prices of a list, by prefix; `text`: the beginning of a prefix, or a part of a destination's name."""
    rows = (
        Rate.objects.filter(tariff=tariff)
        .select_related("window")
        .order_by("prefix", "window_id", "-valid_from", "-id")
    )
    if text:
        digits = text.lstrip("+")
        rows = rows.filter(
            Q(prefix__startswith=digits) if digits.isdigit() else Q(destination__icontains=text)
        )
    return rows
