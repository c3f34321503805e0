"""What a call would cost whoever asks, and what they have to spend: for phones and programs (guide 497)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from apps.api.problems import Unavailable
from apps.invoices.models import Balance
from apps.resellers.queries import features_of
from apps.routing.simulation import Question, SwitchUnavailable, simulate
from apps.users.choices import CALLERS, Billing
from apps.users.models import Account
from apps.users.queries import billing_account


class SeesPrices(BasePermission):
    """Whoever calls, and may see by which prices."""

    def has_permission(self, request: Request, view: object) -> bool:
        user = request.user
        return bool(
            user.is_authenticated and user.kind in CALLERS and features_of(user)["feature_seeowntariffs"]
        )


class Patiently(UserRateThrottle):
    """A switch worker decides each question: so many are as many as a person dials."""

    rate = "60/min"


class CalledSerializer(serializers.Serializer):
    """The number as it would be dialled; without one only the balance is told."""

    called = serializers.CharField(max_length=64, required=False, default="")


class PriceSerializer(serializers.Serializer):
    """`price`: of a minute begun now, net, in `currency`; "0": nobody pays for it. `refused`: the cause if the call would not begin.

    `balance` is what there is to spend, with the credit limit and less what running calls hold; an extension has none.
    """

    called = serializers.CharField()
    destination = serializers.CharField()
    refused = serializers.CharField()
    price = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    balance = serializers.DecimalField(max_digits=18, decimal_places=6, allow_null=True)


class PriceView(APIView):
    """What a minute to a number costs, and the balance."""

    permission_classes = [SeesPrices]
    throttle_classes = [Patiently]

    @extend_schema(parameters=[CalledSerializer], responses=PriceSerializer)
    def get(self, request: Request) -> Response:
        wanted = CalledSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        user: Account = request.user
        called: str = wanted.validated_data["called"]
        found: dict[str, Any] = {}
        try:
            found = simulate(Question(called=called, account=user)) if called else {}
        except SwitchUnavailable as error:
            raise Unavailable(str(error)) from error
        return Response(PriceSerializer(_told(user, found)).data)


def _told(user: Account, found: dict[str, Any]) -> dict[str, Any]:
    """Of the switch's decision only what concerns who asks: no ways, no carriers, nobody else's price."""
    payer = billing_account(user)
    refused = (found.get("refused") or {}).get("cause", "")
    mine = [
        one for one in found.get("payers", ()) if (one["account"], one["kind"]) == (payer.username, "retail")
    ]
    price = mine[0]["minute"] if mine else None if refused or not found else "0"
    return {
        "called": found.get("called", ""),
        "destination": found.get("destination", ""),
        "refused": refused,
        "price": price,
        "currency": payer.currency,
        "balance": _spendable(user) if user.pk == payer.pk else None,
    }


def _spendable(account: Account) -> Decimal:
    has = Balance.objects.filter(account=account).first() or Balance(account=account)
    return has.amount - has.held + (account.credit_limit if account.billing == Billing.POSTPAID else 0)
