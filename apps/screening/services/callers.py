"""Callers whose calls are refused because of how they went, or because an operator says so (guide 14122-14309)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config.queries import get as setting
from apps.screening.engine.standing import (
    AUTO_CALLS,
    AUTO_DAYS,
    AUTO_LASTING,
    SPECIAL,
    Measure,
    Thresholds,
    ladder,
    special_standing,
    standing,
)
from apps.screening.models import CallerStanding, Good
from apps.users.models import AccountSetting

_KEY = re.compile(r"(number|ip|user|trunk|number_ip):(.+)\Z")

TRUSTED = timedelta(days=1)

_MEASURES = """
WITH lately AS (SELECT DISTINCT caller_id FROM cdrs_cdr WHERE started_at >= %(lately)s AND started_at < %(now)s),
seen AS (
  SELECT right(c.caller_number, %(digits)s) AS number, regexp_replace(c.caller_address, ':[0-9]+$', '') AS ip,
    CASE WHEN a.kind = 'customer_trunk' THEN 'trunk:' ELSE 'user:' END || c.caller_id AS account, c.answered_at IS NOT NULL AS answered, c.duration
  FROM cdrs_cdr c JOIN users_account a ON a.id = c.caller_id
  WHERE c.started_at >= %(since)s AND c.started_at < %(now)s AND c.carrier_id IS NOT NULL
    AND c.caller_id IN (SELECT caller_id FROM lately))
SELECT key, count(*), count(*) FILTER (WHERE answered), COALESCE(sum(duration) FILTER (WHERE answered), 0)
FROM seen CROSS JOIN LATERAL (VALUES
  (CASE WHEN length(number) > 5 THEN 'number:' || number END),
  (CASE WHEN length(number) > 5 AND ip <> '' THEN 'number_ip:' || number || '@' || ip END),
  (CASE WHEN ip <> '' THEN 'ip:' || ip END),
  (account),
  ('special:' || CASE WHEN number ~ '^[0-9]{6,}$' THEN 'number:' || number ELSE account END)) AS keys(key)
WHERE key IS NOT NULL AND length(key) <= 90 AND starts_with(key, 'special:') = ANY(%(special)s)
GROUP BY key
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """Callers that were looked at, and how many of them are refused now."""

    callers: int
    bad: int


@transaction.atomic
def judge_callers(*, now: datetime | None = None) -> Judged:
    """Look at everybody who has called in the last two hours, by all its calls of `autoban_statdays`.

    Nothing is done unless the setting `autoban` lets statistics decide. What was set by hand stays, and so does for a day who
    has pressed the key that it was asked for. For carriers with `autoban_special` callers are judged apart, by thresholds of
    their own (`special_standing`); with `autoban` = carriers for nobody else.
    """
    autoban = setting("autoban")
    if autoban not in {"yes", "always", "carriers"}:
        return Judged(0, 0)
    now = now or timezone.now()
    days, lasting = int(setting("autoban_statdays")), int(setting("autoban_applydays"))
    values: dict[str, Any] = {
        "now": now,
        "lately": now - timedelta(hours=2),
        "since": now - timedelta(days=days if days > 0 else AUTO_DAYS),
        "digits": int(setting("autoban_numlength")),
        "special": [True] if autoban == "carriers" else [False, True] if _choosy_carriers() else [False],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MEASURES, values)
        measured = [(key, Measure(*rest)) for key, *rest in cursor.fetchall()]
    judge = _judge()
    until = now + timedelta(days=lasting if lasting > 0 else AUTO_LASTING)
    rows = [
        CallerStanding(
            key=key,
            good=judge(key.partition(":")[0], measure),
            calls=measure.calls,
            asr=Decimal(str(round(measure.asr, 1))),
            acd=Decimal(str(round(measure.acd, 1))),
            expires_at=until,
            changed_at=now,
        )
        for key, measure in measured
    ]
    trusted = Q(good=Good.KEY, changed_at__gt=now - TRUSTED)
    kept = CallerStanding.objects.filter(Q(by_hand=True) | trusted, key__in=[row.key for row in rows])
    keys = set(kept.values_list("key", flat=True))
    mine = [row for row in rows if row.key not in keys]
    CallerStanding.objects.bulk_create(
        mine,
        batch_size=2000,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["good", "calls", "asr", "acd", "expires_at", "changed_at"],
    )
    return Judged(len(mine), sum(row.good == Good.BAD for row in mine))


def _choosy_carriers() -> bool:
    """Whether any carrier looks at its callers' standing."""
    own = AccountSetting.objects.filter(key="autoban_special").exclude(value="no")
    return setting("autoban_special") != "no" or own.exists()


def _judge() -> Callable[[str, Measure], int]:
    """What a key of this kind is by its calls, as the settings have it."""
    limits = thresholds()
    good, bad = ladder(setting("autoban_special_good")), ladder(setting("autoban_special_bad"))
    return lambda kind, measure: (
        special_standing(measure, good, bad) if kind == SPECIAL else standing(kind, measure, limits)
    )


def thresholds() -> Thresholds:
    """As the settings have them."""
    calls = int(setting("autoban_statmincalls"))
    return Thresholds(
        asr=int(setting("autoban_minasr")),
        acd=int(setting("autoban_minacd")),
        good=int(setting("autoban_goodstatadd")),
        calls=calls if calls > 0 else AUTO_CALLS,
        calls_by={kind: float(setting(f"autoban_{name}_calls_multiplier")) for kind, name in _NAMES.items()},
        stat_by={kind: float(setting(f"autoban_{name}_stat_multiplier")) for kind, name in _NAMES.items()},
    )


_NAMES = {"user": "peruser", "ip": "perip", "trunk": "pertr"}


@transaction.atomic
def set_standing(*, key: str, good: int, expires_at: datetime, by_hand: bool = True) -> CallerStanding:
    """Say by hand what a caller is. Raises ValidationError, by field."""
    key = _plain(key.strip())
    row = CallerStanding.objects.select_for_update().filter(key=key).first() or CallerStanding(key=key)
    row.good, row.expires_at, row.by_hand = good, expires_at, by_hand
    row.full_clean()
    row.save()
    return row


@transaction.atomic
def keep_pressed(*, order: Mapping[str, Any]) -> str:
    """What became of a caller that was asked for a key (`switch.call.keyed`); answers why it is not kept, or "".

    What was set by hand stays. May be carried out twice.
    """
    lasting = int(setting("autoban_applydays"))
    until = timezone.now() + timedelta(days=lasting if lasting > 0 else AUTO_LASTING)
    key, good = str(order.get("key")), Good.KEY if order.get("right") else Good.BAD
    if CallerStanding.objects.select_for_update().filter(key=key, by_hand=True).exists():
        return ""
    try:
        set_standing(key=key, good=good, expires_at=until, by_hand=False)
    except ValidationError as error:
        return "; ".join(error.messages)
    return ""


@transaction.atomic
def forget_standings(*, only_bad: bool = False) -> int:
    """Everything that is known of callers, or who is refused; how many that were."""
    rows = CallerStanding.objects.filter(good=Good.BAD) if only_bad else CallerStanding.objects.all()
    return int(rows.delete()[0])


_OWN = frozenset(("number", "user", "trunk"))
"""Kinds of keys that may follow `special:`."""


def _plain(key: str) -> str:
    """A key in its one spelling; a bare number is one of a caller. Raises ValidationError."""
    wrong = ValidationError(
        {"key": _("Expected is a number, ip:192.0.2.7, user:12, trunk:12 or number_ip:301234567@192.0.2.7.")}
    )
    kind, colon, rest = key.partition(":")
    if kind == SPECIAL and colon:
        own = _plain(rest)
        if own.partition(":")[0] not in _OWN:
            raise wrong
        return f"{SPECIAL}:{own}"
    digits = re.sub(r"[ +()/.-]", "", key)
    if digits.isascii() and digits.isdigit():
        return f"number:{digits[-int(setting('autoban_numlength')) :]}"
    found = _KEY.match(key)
    if found is None:
        raise wrong
    kind, value = found.groups()
    number, at, address = value.rpartition("@") if kind == "number_ip" else ("", "", value)
    if kind in {"ip", "number_ip"}:
        try:
            address = str(ip_address(address))
        except ValueError:
            raise wrong from None
        if kind == "ip":
            return f"ip:{address}"
        value = number
    if not (value.isascii() and value.isdigit()):
        raise wrong
    return f"number_ip:{value}@{address}" if at else f"{kind}:{value}"
