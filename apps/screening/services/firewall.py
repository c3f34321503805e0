"""Rules of the firewall, and bans that workers have told of."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.values.countries import is_code
from apps.core.values.networks import place, with_port
from apps.screening import live
from apps.screening.models import Ban, FirewallRule
from apps.users.models import Account

EVERYBODY = "*"
USER, COUNTRY = "U:", "C:"
MOST_RULES = 10_000
"""More would make every change of the firewall slow; networks say the same with fewer."""


@transaction.atomic
def create_rule(**fields: Any) -> FirewallRule:
    """Raises ValidationError, by field."""
    if FirewallRule.objects.count() >= MOST_RULES:
        raise ValidationError(_("There are %(n)s rules already; that is the most.") % {"n": MOST_RULES})
    return _save(FirewallRule(), fields)


@transaction.atomic
def change_rule(*, rule: FirewallRule, **fields: Any) -> FirewallRule:
    """Raises ValidationError, by field. The rule for everybody stays that."""
    stored = FirewallRule.objects.select_for_update().get(pk=rule.pk)
    if stored.source == EVERYBODY and fields.get("source", EVERYBODY) != EVERYBODY:
        raise ValidationError({"source": _("This is the rule for everybody; make another one.")})
    return _save(stored, fields)


@transaction.atomic
def remove_rule(*, rule: FirewallRule) -> None:
    """Raises ValidationError for the rule for everybody: without it nobody but allowed sources would be heard."""
    if rule.source == EVERYBODY:
        raise ValidationError(_("The rule for everybody can be changed, not removed."))
    FirewallRule.objects.filter(pk=rule.pk).delete()


def _save(rule: FirewallRule, fields: dict[str, Any]) -> FirewallRule:
    for name, value in fields.items():
        setattr(rule, name, value)
    rule.source = _plain(rule.source.strip())
    if rule.source.startswith(USER) and rule.allowed:
        raise ValidationError({"allowed": _("A user name can only be blocked: anybody may write it.")})
    if rule.allowed and with_port(rule.source) is not None:
        raise ValidationError({"allowed": _("A port can only be blocked: allow its address.")})
    if rule.source == EVERYBODY and not rule.enabled:
        raise ValidationError({"enabled": _("The rule for everybody is always in force.")})
    rule.full_clean()
    rule.save()
    return rule


def _plain(source: str) -> str:
    """The source in its one spelling. Raises ValidationError."""
    if source == EVERYBODY:
        return source
    if source[:2].upper() == USER:
        name = source[2:].strip()
        if not name or not name.isprintable() or any(one in name for one in '@;<>" '):
            raise ValidationError({"source": _("Expected is U: and a user name or number.")})
        return USER + name
    if source[:2].upper() == COUNTRY and is_code(code := source[2:].strip().upper()):
        return COUNTRY + code
    placed = with_port(source)
    if placed is not None:
        return place(*placed)
    try:
        network = ip_network(source, strict=False)
    except ValueError:
        raise ValidationError(
            {
                "source": _(
                    "Expected is an address, also with a port, a network, C: and a country, U:name or *."
                )
            }
        ) from None
    if network.prefixlen == 0:
        raise ValidationError({"source": _("For everybody there is the rule *.")})
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


@transaction.atomic
def store_bans() -> int:
    """Keep what workers have told of since the last time; how many bans were new. Redis away: SwitchUnavailable."""
    told = live.take_told()
    rows = [
        Ban(
            source=one.source,
            reason=one.reason[:200],
            worker=one.worker,
            banned_at=one.since,
            until=one.until,
        )
        for one in told
    ]
    return len(Ban.objects.bulk_create(rows, ignore_conflicts=True))


@transaction.atomic
def lift_ban(*, ban: Ban, by: Account) -> Ban:
    """Have every worker hear the source again. Redis away: SwitchUnavailable, and nothing is changed."""
    now = timezone.now()
    Ban.objects.filter(source=ban.source, until__gt=now, lifted_at=None).update(lifted_at=now, lifted_by=by)
    live.lift(source=ban.source, by=by.username)
    ban.refresh_from_db()
    return ban
