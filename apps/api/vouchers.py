"""Vouchers through the API: an account redeems a code for itself."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.serializers import PaymentSerializer
from apps.vouchers.queries import may_redeem
from apps.vouchers.services import redeem


class HasBalance(BasePermission):
    """Whoever has a balance of their own that a voucher can be redeemed for."""

    def has_permission(self, request: Request, view: object) -> bool:
        return bool(request.user.is_authenticated and may_redeem(request.user))


class CodeSerializer(serializers.Serializer):
    """A code as it stands on the voucher; spaces and dashes do not matter."""

    code = serializers.CharField(max_length=64)


class RedeemView(APIView):
    """Redeem a voucher: its value is added to the balance of who asks.

    Sent again by the same account it answers the same payment and adds nothing. After too many codes that are none the
    account has to wait.
    """

    permission_classes = [HasBalance]

    @extend_schema(request=CodeSerializer, responses=PaymentSerializer)
    def post(self, request: Request) -> Response:
        wanted = CodeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        payment = redeem(account=request.user, code=wanted.validated_data["code"])
        return Response(PaymentSerializer(payment, context={"request": request}).data)
