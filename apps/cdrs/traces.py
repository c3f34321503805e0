"""SIP traces on their way from the switch's queue in Redis to the office, and reading them there."""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.cdrs.models import Cdr, SipTrace
from apps.cdrs.tracing.messages import Message, unpacked
from apps.config.queries import get as setting
from apps.users.models import Account

logger = logging.getLogger(__name__)

QUEUE = "mizu:traces"
BATCH = 200


def store_waiting() -> int:
    """Take what the workers have put into the queue; how many it was. Raises redis.RedisError."""
    with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5) as client:
        stored = 0
        while rows := client.lrange(QUEUE, 0, BATCH - 1):
            stored += store(rows)
            client.ltrim(QUEUE, len(rows), -1)  # only now: what could not be stored is there at the next try
        return stored


@transaction.atomic
def store(rows: list[bytes]) -> int:
    """Store traces as the switch wrote them; what cannot be read is left out, and said."""
    traces = [trace for row in rows if (trace := _read(row)) is not None]
    SipTrace.objects.bulk_create(traces, ignore_conflicts=True)
    return len(traces)


def _read(row: bytes) -> SipTrace | None:
    try:
        found: dict[str, Any] = json.loads(row)
        messages = b64decode(found["messages"], validate=True)
        unpacked(messages)
        started = datetime.fromtimestamp(float(found["started"]), UTC)
        return SipTrace(call_id=UUID(found["call"]), started_at=started, messages=messages)
    except (ValueError, KeyError, TypeError, OverflowError, OSError) as error:
        logger.warning("a SIP trace cannot be read: %s", error)
        return None


def forget_old() -> int:
    """Remove traces older than `siptrace_days`; how many it was."""
    oldest = timezone.now() - timedelta(days=setting("siptrace_days"))
    return SipTrace.objects.filter(started_at__lt=oldest).delete()[0]


def trace_of(cdr: Cdr, reader: Account) -> list[Message] | None:
    """The messages of a call; None when there are none, or when the reader has no right to see any."""
    if not (reader.is_staff and reader.has_perm("cdrs.view_siptrace")):
        return None
    trace = SipTrace.objects.filter(call_id=cdr.id).first()
    return unpacked(bytes(trace.messages)) if trace else None
