"""Where a call would go: asked of a switch worker, which decides it as it would a real one, and dials nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import redis
from django.utils.translation import gettext as _

from apps.core import workers
from apps.users.models import Account


class SwitchUnavailable(RuntimeError):
    """No worker has answered; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class Question:
    """A call. Without `account` the caller is found by `address` (address:port) and `caller_number`, as the switch finds it.

    `at`: another moment than now. `call`: a past call, whose lot is drawn again.
    """

    called: str
    account: Account | None = None
    caller_number: str = ""
    address: str = ""
    at: datetime | None = None
    call: UUID | None = None


def simulate(question: Question) -> dict[str, Any]:
    """The decision with all that led to it, as `switch.call.explain` tells it. Raises SwitchUnavailable."""
    order = {
        "do": "explain",
        "called": question.called,
        "account": question.account.pk if question.account else None,
        "from": question.caller_number,
        "address": question.address,
        "at": question.at.timestamp() if question.at else None,
        "call": str(question.call) if question.call else None,
    }
    try:
        answer: dict[str, Any] = workers.ask(order)
    except (workers.NoAnswer, redis.RedisError) as error:
        raise SwitchUnavailable(_("No switch worker answers. Are the switch and Redis running?")) from error
    return answer


def may_simulate(user: Account) -> bool:
    """It shows rules and the carriers' costs: staff that may read both."""
    return bool(
        user.is_staff and user.has_perm("routing.view_routerule") and user.has_perm("pricing.view_rate")
    )
