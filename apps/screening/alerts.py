"""Accounts that spend unlike themselves, found while there is still something to save (guide 9032-9057 limits them; this tells people)."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.config.queries import get as setting
from apps.screening.models import Alert
from apps.users.choices import Kind
from apps.users.models import Account

BEFORE = timedelta(days=14)
HOUR = timedelta(hours=1)

_UNLIKE = """
WITH spent AS (
  SELECT account_id, currency, net, started_at >= %(hour)s AS now, date_trunc('hour', started_at) AS hour
  FROM cdrs_cdrprice WHERE kind IN ('retail', 'packet') AND started_at >= %(before)s AND started_at < %(now)s),
lately AS (SELECT account_id, min(currency) AS currency, count(*) AS calls, sum(net) AS cost FROM spent WHERE now GROUP BY 1),
usual AS (
  SELECT account_id, max(cost) AS cost
  FROM (SELECT account_id, sum(net) AS cost FROM spent WHERE NOT now GROUP BY account_id, hour) AS hours GROUP BY 1)
SELECT lately.account_id, lately.currency, lately.calls, lately.cost, COALESCE(usual.cost, 0)
FROM lately LEFT JOIN usual USING (account_id)
WHERE lately.cost >= %(least)s AND lately.cost > %(factor)s * COALESCE(usual.cost, 0)
ORDER BY lately.cost DESC
"""


@transaction.atomic
def raise_alerts(*, now: datetime | None = None) -> list[Alert]:
    """Look at the last hour of everybody; the alerts that are new.

    An account has one if it has spent at least `alert_least` in this hour, and more than `alert_factor` times what it spent in
    any hour of the last two weeks. Of an account that has none before, the first figure alone decides.
    """
    factor = int(setting("alert_factor"))
    if not factor:
        return []
    now = now or timezone.now()
    values = {
        "now": now,
        "hour": now - HOUR,
        "before": now - BEFORE,
        "least": Decimal(str(setting("alert_least")) or "0"),
        "factor": factor,
    }
    with connection.cursor() as cursor:
        cursor.execute(_UNLIKE, values)
        found = cursor.fetchall()
    raised = []
    for account, currency, calls, cost, usual in found:
        alert, new = Alert.objects.get_or_create(
            account_id=account,
            day=now.date(),
            defaults={
                "calls": calls, "cost": cost, "usual_cost": usual, "currency": currency, "raised_at": now,
            },
        )  # fmt: skip
        if new:
            raised.append(alert)
    return raised


def letter(alerts: list[Alert]) -> EmailMessage | None:
    """The mail that tells of them; None when there is nobody to tell."""
    to = list(
        Account.objects.filter(kind=Kind.ADMIN, is_active=True)
        .exclude(email="")
        .values_list("email", flat=True)
    )
    if not alerts or not to:
        return None
    lines = [
        _("%(account)s: %(calls)d calls for %(cost)s %(currency)s within an hour; never more than %(usual)s before.")
        % {
            "account": alert.account.username, "calls": alert.calls, "cost": alert.cost.normalize(),
            "currency": alert.currency, "usual": alert.usual_cost.normalize(),
        }
        for alert in alerts
    ]  # fmt: skip
    return EmailMessage(_("Accounts that spend unlike themselves"), "\n".join(lines), to=to)


@transaction.atomic
def mark_seen(*, alert: Alert, by: Account) -> None:
    """Somebody has looked into it."""
    Alert.objects.filter(pk=alert.pk, seen_at=None).update(seen_at=timezone.now(), seen_by=by)
