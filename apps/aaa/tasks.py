"""Telling RADIUS servers of the ends of calls, until one confirms it."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone

from apps.aaa.client import exchange
from apps.aaa.engine.radius import (
    ADMIN_RESET,
    LOST_SERVICE,
    NAS_ERROR,
    SESSION_TIMEOUT_CAUSE,
    USER_REQUEST,
    Attribute,
    Kind,
    Status,
    accounting_request,
    number,
    text,
)
from apps.aaa.models import AccountingStop, RadiusServer
from apps.aaa.services import not_told, secret_of, told
from apps.config import queries as config
from apps.core.sealed import CannotUnseal

logger = logging.getLogger(__name__)

BATCH = 200
TURN, TURN_SECONDS = "aaa.tell_stops", 600
#: Our hangup cause → Acct-Terminate-Cause; parties that hang up are the rule.
CAUSES = {
    "media_timeout": LOST_SERVICE,
    "session_expired": LOST_SERVICE,
    "rerouted": LOST_SERVICE,
    "worker_lost": NAS_ERROR,
    "internal": NAS_ERROR,
    "operator_hangup": ADMIN_RESET,
    "shutdown": ADMIN_RESET,
    "balance_used_up": SESSION_TIMEOUT_CAUSE,
    "too_long": SESSION_TIMEOUT_CAUSE,
}


@shared_task
def tell_stops() -> int:
    """Every minute: those whose time has come, one after the other; stops at the first that nobody hears. How many were told."""
    if not cache.add(TURN, 1, timeout=TURN_SECONDS):
        return 0
    try:
        return _tell(timezone.now())
    finally:
        cache.delete(TURN)


def _tell(now: datetime) -> int:
    servers = list(RadiusServer.objects.filter(enabled=True, accounts=True).order_by("priority", "name"))
    if not servers:
        return 0
    done = 0
    for stop in AccountingStop.objects.filter(next_at__lte=now).order_by("next_at", "id")[:BATCH]:
        if not any(_confirms(server, stop) for server in servers):
            not_told(stop=stop, now=timezone.now())
            logger.warning("no RADIUS server confirmed the end of call %s", stop.call_id)
            break
        told(stop=stop)
        done += 1
    return done


def _confirms(server: RadiusServer, stop: AccountingStop) -> bool:
    try:
        secret = secret_of(server)
    except CannotUnseal:
        logger.error("the secret of RADIUS server %s cannot be read: enter it anew", server.name)
        return False
    request = accounting_request(secrets.randbelow(256), secret, stop_attributes(stop, timezone.now()))
    seconds = config.get("externalauth_timeout") / 1000
    return (
        exchange(request, (server.address, server.acct_port), secret, signed=False, seconds=seconds)
        is not None
    )


def stop_attributes(stop: AccountingStop, now: datetime) -> list[Attribute]:
    """What a Stop says (RFC 2866 §5)."""
    return [
        number(Kind.ACCT_STATUS_TYPE, Status.STOP),
        *text(Kind.ACCT_SESSION_ID, str(stop.call_id)),
        *text(Kind.USER_NAME, stop.username),
        *text(Kind.CALLING_STATION_ID, stop.caller_number),
        *text(Kind.CALLED_STATION_ID, stop.called_number),
        *text(Kind.NAS_IDENTIFIER, config.get("radiusnasid")),
        number(Kind.ACCT_SESSION_TIME, stop.seconds),
        number(Kind.ACCT_TERMINATE_CAUSE, CAUSES.get(stop.cause, USER_REQUEST)),
        number(Kind.EVENT_TIMESTAMP, round(stop.ended_at.timestamp())),
        number(Kind.ACCT_DELAY_TIME, max(0, round((now - stop.ended_at).total_seconds()))),
    ]
