"""The REST API: every noun of the office, read and written under the same rules as in the admin and the portal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_view,
    inline_serializer,
)
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api import filters
from apps.api import serializers as shapes
from apps.api.paging import ById, ByStart
from apps.api.permissions import (
    HangUp,
    LiveCalls,
    Office,
    OwnOrOffice,
    RecordCalls,
    Simulate,
    SipTraces,
)
from apps.api.routing import DecisionSerializer, decision
from apps.cdrs.live import current_calls, hang_up, record
from apps.cdrs.models import Cdr
from apps.cdrs.queries import prices_of, question_of, visible_calls
from apps.cdrs.traces import trace_of
from apps.cdrs.tracing.messages import Message
from apps.cdrs.tracing.pcap import capture
from apps.invoices.models import Invoice, LedgerEntry, Payment
from apps.invoices.queries import pdf_of, visible_invoices
from apps.invoices.services import issuing
from apps.pricing.models import Rate, Tariff
from apps.pricing.services import import_rates
from apps.signalling import services as signalling
from apps.signalling.models import HangupCause, HeaderRule
from apps.users.choices import Kind
from apps.users.live import carrier_states, phones_of, set_waiting, unregister
from apps.users.models import Account, TrunkAccount
from apps.users.queries import settings_of, visible_to
from apps.users.services import clear_own, new_pin, remove_pin, remove_trunk_account, set_own

READ_WRITE = ["get", "post", "put", "patch", "head", "options"]


class AccountViewSet(viewsets.ModelViewSet):
    """Accounts of every kind. They are never deleted: their calls and money stay; switch one off with `is_active`."""

    queryset = Account.objects.none()
    serializer_class = shapes.AccountSerializer
    permission_classes = [OwnOrOffice]
    pagination_class = ById
    filterset_class = filters.AccountFilter
    http_method_names = READ_WRITE

    def get_queryset(self) -> QuerySet[Account]:
        return visible_to(self.request.user).select_related("balance")

    @extend_schema(responses=shapes.EffectiveSettingSerializer(many=True))
    @action(detail=True, url_path="settings", pagination_class=None, permission_classes=[Office])
    def effective_settings(self, request: Request, pk: str | None = None) -> Response:
        """Every setting that accounts may have, with the value in force and the account that gave it."""
        return Response(shapes.EffectiveSettingSerializer(settings_of(self.get_object()), many=True).data)

    @extend_schema(request=shapes.OwnSettingSerializer, responses=shapes.EffectiveSettingSerializer)
    @action(
        detail=True, methods=["put"], url_path="settings/(?P<key>[a-z0-9_]+)", permission_classes=[Office]
    )
    def own_setting(self, request: Request, key: str, pk: str | None = None) -> Response:
        """Give the account a value of its own, or take it back with `null`."""
        account = self.get_object()
        wanted = shapes.OwnSettingSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        value = wanted.validated_data["value"]
        if value is None:
            clear_own(account=account, key=key)
        else:
            set_own(account=account, key=key, value=value)
        effective = next(one for one in settings_of(account) if one.definition.key == key)
        return Response(shapes.EffectiveSettingSerializer(effective).data)

    @extend_schema(responses=shapes.PhoneSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def phones(self, request: Request, pk: str | None = None) -> Response:
        """The phones that are registered for the account."""
        return Response(shapes.PhoneSerializer(phones_of([self.get_object().pk]), many=True).data)

    @extend_schema(request=shapes.WaitingSerializer, responses=shapes.WaitingSerializer)
    @action(detail=True, methods=["put"], url_path="messages-waiting", permission_classes=[Office])
    def messages_waiting(self, request: Request, pk: str | None = None) -> Response:
        """Light the lamp of the account's phones for waiting voice messages, or put it out."""
        wanted = shapes.WaitingSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        set_waiting(account=self.get_object(), **wanted.validated_data)
        return Response(wanted.validated_data)

    @extend_schema(request=shapes.WantedPinSerializer, responses=shapes.PinSerializer)
    @action(detail=True, methods=["post"], permission_classes=[Office])
    def pin(self, request: Request, pk: str | None = None) -> Response:
        """Give the account a new PIN, which nobody can read again; or take it away."""
        if not request.user.has_perm("users.change_account"):
            self.permission_denied(request)
        wanted = shapes.WantedPinSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        account = self.get_object()
        if wanted.validated_data["remove"]:
            remove_pin(account=account)
            return Response({"pin": ""})
        return Response({"pin": new_pin(account=account)}, headers={"Cache-Control": "no-store"})

    @extend_schema(
        request=inline_serializer("UnregisterSerializer", {"contact": serializers.CharField()}),
        responses={202: None},
    )
    @action(detail=True, methods=["post"], permission_classes=[Office])
    def unregister(self, request: Request, pk: str | None = None) -> Response:
        """Have the switch forget a phone, until it registers again."""
        if not request.user.has_perm("users.change_sipcredential"):
            self.permission_denied(request)
        unregister(account=self.get_object(), contact=str(request.data.get("contact", "")), by=request.user)
        return Response(status=202)


class CarrierViewSet(AccountViewSet):
    """Carriers with their trunks."""

    serializer_class = shapes.CarrierSerializer
    permission_classes = [Office]

    def get_queryset(self) -> QuerySet[Account]:
        return Account.objects.filter(kind=Kind.CARRIER).select_related("balance", "trunk")

    @extend_schema(responses=shapes.CarrierStateSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def state(self, request: Request, pk: str | None = None) -> Response:
        """Whether it answers, since when, and our registrations with it, as each node has it."""
        states = carrier_states().get(self.get_object().pk, [])
        return Response(shapes.CarrierStateSerializer(states, many=True).data)


class TrunkAccountViewSet(viewsets.ModelViewSet):
    """Accounts that carriers have given us."""

    queryset = TrunkAccount.objects.select_related("carrier", "use")
    serializer_class = shapes.TrunkAccountSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["carrier", "enabled", "registers"]

    def perform_destroy(self, instance: TrunkAccount) -> None:
        remove_trunk_account(account=instance)


class TariffViewSet(viewsets.ModelViewSet):
    """Price lists."""

    queryset = Tariff.objects.all()
    serializer_class = shapes.TariffSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["kind", "group", "currency"]

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
        parameters=[OpenApiParameter("replace", bool, description="First remove all rates of this tariff.")],
        responses={200: OpenApiResponse(description="Lines read, rates added, older rates that end.")},
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="import",
        parser_classes=[MultiPartParser],
    )
    def import_rates(self, request: Request, pk: str | None = None) -> Response:
        """Import a CSV file in the eight-column format; nothing is changed when one line is bad."""
        if "file" not in request.FILES:
            raise serializers.ValidationError({"file": "A file is expected."})
        replace = request.query_params.get("replace", "") in ("1", "true")
        result = import_rates(tariff=self.get_object(), stream=request.FILES["file"], replace=replace)
        return Response({"lines": result.lines, "added": result.added, "ended": result.ended})


class RateViewSet(viewsets.ModelViewSet):
    """Prices per minute by prefix."""

    queryset = Rate.objects.all()
    serializer_class = shapes.RateSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_class = filters.RateFilter


class HeaderRuleViewSet(viewsets.ModelViewSet):
    """What is changed in SIP messages."""

    queryset = HeaderRule.objects.all()
    serializer_class = shapes.HeaderRuleSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["enabled", "account", "direction", "action"]

    def perform_destroy(self, instance: HeaderRule) -> None:
        signalling.remove_header_rule(rule=instance)


class HangupCauseViewSet(viewsets.ModelViewSet):
    """Why calls end, and what the parties are told."""

    queryset = HangupCause.objects.all()
    serializer_class = shapes.HangupCauseSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_fields = ["name", "sip_status"]

    def perform_destroy(self, instance: HangupCause) -> None:
        signalling.remove_cause(cause=instance)


class CdrViewSet(viewsets.ReadOnlyModelViewSet):
    """Call records of the last day, unless `started_after` asks for more. Customers do not see carriers and costs."""

    queryset = Cdr.objects.none()
    permission_classes = [OwnOrOffice]
    pagination_class = ByStart
    filterset_class = filters.CdrFilter

    def get_queryset(self) -> QuerySet[Cdr]:
        calls = visible_calls(self.request.user)
        if self.action == "list" and "started_after" not in self.request.query_params:
            calls = calls.filter(started_at__gte=timezone.now() - timedelta(days=1))
        return calls

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return shapes.CdrSerializer if self.request.user.is_staff else shapes.CustomerCdrSerializer

    @extend_schema(responses=shapes.CdrPriceSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def prices(self, request: Request, pk: str | None = None) -> Response:
        """Who pays what for the call; a customer sees what they and those below them pay."""
        rows = prices_of(self.get_object())
        if not request.user.is_staff:
            rows = rows.filter(
                account__in=visible_to(request.user).values("id"), kind__in=["retail", "reseller"]
            )
        return Response(shapes.CdrPriceSerializer(rows, many=True).data)

    @extend_schema(responses=DecisionSerializer)
    @action(detail=True, pagination_class=None, permission_classes=[Simulate])
    def why(self, request: Request, pk: str | None = None) -> Response:
        """The call decided once more, by today's rules and the prices of its time: which way it takes, and why."""
        return Response(decision(question_of(self.get_object())))

    @extend_schema(responses=shapes.SipMessageSerializer(many=True))
    @action(detail=True, pagination_class=None, permission_classes=[SipTraces])
    def sip(self, request: Request, pk: str | None = None) -> Response:
        """The SIP messages of the call, if they were kept, without secrets."""
        return Response(shapes.SipMessageSerializer(self._messages(), many=True).data)

    @extend_schema(responses={(200, "application/vnd.tcpdump.pcap"): OpenApiTypes.BINARY})
    @action(detail=True, pagination_class=None, permission_classes=[SipTraces])
    def pcap(self, request: Request, pk: str | None = None) -> Any:
        """The same as a capture file."""
        call = self.get_object()
        response = HttpResponse(capture(self._messages()), content_type="application/vnd.tcpdump.pcap")
        response["Content-Disposition"] = f'attachment; filename="{call.pk}.pcap"'
        return response

    def _messages(self) -> list[Message]:
        found = trace_of(self.get_object(), self.request.user)
        if found is None:
            raise NotFound("No SIP messages of this call are kept.")
        return found


class CurrentCallViewSet(viewsets.ViewSet):
    """Calls that are up or ringing now."""

    permission_classes = [LiveCalls]

    @extend_schema(responses=shapes.LiveCallSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Every call in progress that you may see."""
        shape = shapes.OfficeLiveCallSerializer if request.user.is_staff else shapes.LiveCallSerializer
        return Response(shape(current_calls(request.user), many=True).data)

    @extend_schema(
        request=None,
        responses={202: None},
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["post"], url_path="hang-up", permission_classes=[HangUp])
    def hang_up(self, request: Request, pk: str) -> Response:
        """End a call."""
        hang_up(call_id=pk, by=request.user)
        return Response(status=202)

    @extend_schema(
        request=shapes.RecordSerializer,
        responses={202: None},
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["post"], permission_classes=[RecordCalls])
    def record(self, request: Request, pk: str) -> Response:
        """Record the call from now on, or no longer; a call whose media passes the switch by cannot be."""
        wanted = shapes.RecordSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        record(call_id=pk, by=request.user, on=wanted.validated_data["on"])
        return Response(status=202)


@extend_schema_view(
    create=extend_schema(
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key enters once."
            )
        ]
    )
)
class PaymentViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """Payments. One is never changed: a wrong one is taken back by a negative one."""

    queryset = Payment.objects.none()
    serializer_class = shapes.PaymentSerializer
    permission_classes = [OwnOrOffice]
    pagination_class = ById
    filterset_fields = ["account", "method"]

    def get_queryset(self) -> QuerySet[Payment]:
        return Payment.objects.filter(account__in=visible_to(self.request.user)).select_related("account")


class LedgerViewSet(viewsets.ReadOnlyModelViewSet):
    """Every change of a balance."""

    queryset = LedgerEntry.objects.none()
    serializer_class = shapes.LedgerSerializer
    permission_classes = [OwnOrOffice]
    pagination_class = ById
    filterset_fields = ["account", "kind", "call_id"]

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        return LedgerEntry.objects.filter(account__in=visible_to(self.request.user))


class InvoiceViewSet(viewsets.ReadOnlyModelViewSet):
    """Invoices and credit notes as they were issued."""

    queryset = Invoice.objects.none()
    serializer_class = shapes.InvoiceSerializer
    permission_classes = [OwnOrOffice]
    pagination_class = ById
    filterset_fields = ["account", "document_type", "year"]

    def get_queryset(self) -> QuerySet[Invoice]:
        return visible_invoices(self.request.user).prefetch_related("lines")

    @extend_schema(request=shapes.IssueSerializer, responses={201: shapes.InvoiceSerializer})
    def create(self, request: Request) -> Response:
        """Issue the invoice of an account for a span of time that no other invoice covers."""
        wanted = shapes.IssueSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        invoice = issuing.issue(by=request.user, **wanted.validated_data)
        return Response(self.get_serializer(invoice).data, status=201)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, pagination_class=None)
    def pdf(self, request: Request, pk: str | None = None) -> Any:
        """The document as it was sent."""
        invoice = self.get_object()
        response = HttpResponse(pdf_of(invoice), content_type="application/pdf")
        response["Content-Disposition"] = f'inline; filename="{invoice.number}.pdf"'
        return response
