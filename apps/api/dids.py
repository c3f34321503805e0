"""Numbers in the API: the stock for the office, their own for everybody, and signing up with a number that was reserved."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.paging import ById
from apps.api.pbx import OwnFeatures
from apps.api.permissions import Office, OwnOrOffice
from apps.dids import services
from apps.dids.models import Contact, Did, ShortNumber
from apps.dids.queries import (
    contacts_of,
    holdings_of,
    may_take,
    shared_for,
    short_numbers_of,
    visible_dids,
    with_phones,
)
from apps.dids.services import files, signup
from apps.dids.services.reserving import MOST
from apps.users.models import Account, KnownNumber
from apps.users.queries import visible_to
from apps.users.services import forget_number, note_number


class DidSerializer(serializers.ModelSerializer):
    """A number. `accounts`: who has it, as far as the reader may know."""

    number = serializers.CharField(max_length=32)
    shared = serializers.BooleanField(write_only=True, required=False)
    accounts = serializers.SerializerMethodField()

    class Meta:
        model = Did
        fields = ["id", "number", "use", "state", "shared", "area", "company", "carrier", "setup_fee", "monthly_fee",
                  "currency", "reserved_until", "assigned_at", "created_at", "accounts", "comment"]  # fmt: skip
        read_only_fields = ["state", "reserved_until", "assigned_at", "created_at"]

    def get_accounts(self, did: Did) -> list[int]:
        return [one.account_id for one in getattr(did, "known_holdings", ())]

    def create(self, values: dict[str, Any]) -> Did:
        return services.add(**values)

    def update(self, did: Did, values: dict[str, Any]) -> Did:
        values.pop("number", None)
        shared = values.pop("shared", None)
        did = services.change(did=did, **values)
        if shared is not None and shared != (did.state == "shared"):
            (services.share if shared else services.unshare)(did=did)
        did.refresh_from_db()
        return did


class AssignSerializer(serializers.Serializer):
    """Who gets the number. `reservation` is the key of a number that was reserved."""

    account = serializers.IntegerField()
    beside_others = serializers.BooleanField(default=False)
    reservation = serializers.CharField(default="", allow_blank=True, max_length=64)


class ReserveSerializer(serializers.Serializer):
    """How many numbers, for which account (none: somebody signs up), and which ones."""

    count = serializers.IntegerField(min_value=1, max_value=MOST, default=5)
    account = serializers.IntegerField(required=False)
    parent = serializers.IntegerField(required=False)
    area = serializers.CharField(default="", allow_blank=True, max_length=64)
    digits = serializers.RegexField(r"^[0-9]*\Z", default="", allow_blank=True, max_length=15)


class SignUpSerializer(serializers.Serializer):
    """A new subscriber; `number` is one of those reserved under the key `reservation`."""

    parent = serializers.IntegerField(required=False, allow_null=True)
    username = serializers.CharField(default="", allow_blank=True, max_length=64)
    number = serializers.CharField(default="", allow_blank=True, max_length=32)
    reservation = serializers.CharField(default="", allow_blank=True, max_length=64)
    password = serializers.CharField(write_only=True, required=False)
    sip_password = serializers.CharField(write_only=True, required=False)
    display_name = serializers.CharField(default="", allow_blank=True, max_length=128)
    email = serializers.EmailField(default="", allow_blank=True)
    currency = serializers.CharField(required=False, max_length=3)


class NumberRights(OwnOrOffice):
    """As ever; but customers take and give back numbers as the setting allowenduserdedit lets them (the view asks)."""

    def has_permission(self, request: Request, view: Any) -> bool:
        own = view.action in ("reserve", "assign", "release")
        if request.user.is_authenticated and not request.user.is_staff and own:
            named = str(request.data.get("account", ""))
            account = visible_to(request.user).filter(pk=named).first() if named.isdecimal() else None
            return account is not None and may_take(request.user, account)
        return super().has_permission(request, view)


class DidViewSet(viewsets.ModelViewSet):
    """Numbers: the whole stock for staff, their own for everybody else."""

    queryset = Did.objects.none()
    serializer_class = DidSerializer
    permission_classes = [NumberRights]
    pagination_class = ById
    filterset_fields = ["number", "state", "use", "area", "company"]

    def get_queryset(self) -> QuerySet[Did]:
        user = self.request.user
        known = Prefetch("holdings", queryset=holdings_of(user), to_attr="known_holdings")
        return visible_dids(user).prefetch_related(known)

    def perform_destroy(self, did: Did) -> None:
        services.remove(did=did)

    @extend_schema(
        request=ReserveSerializer,
        responses=inline_serializer(
            "ReservedSerializer",
            {"reservation": serializers.CharField(), "numbers": DidSerializer(many=True)},
        ),
    )
    @action(detail=False, methods=["post"])
    def reserve(self, request: Request) -> Response:
        """Keep free numbers for somebody who is about to take one (the guide's getphonenumber)."""
        wanted = ReserveSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        account = self._account(values.pop("account")) if "account" in values else None
        parent = self._account(values.pop("parent")) if "parent" in values else None
        self._check_may()
        path = parent.path if parent is not None else ""
        key, found = services.reserve(account=account, path=path, **values)
        return Response({"reservation": key, "numbers": DidSerializer(found, many=True).data})

    @extend_schema(request=AssignSerializer, responses={200: DidSerializer})
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str | None = None) -> Response:
        """Give the number to an account; customers pay at once."""
        wanted = AssignSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        account = self._account(values["account"])
        self._check_may()
        staff = request.user.is_staff
        did = (
            self.get_object()
            if staff
            else get_object_or_404(self._reserved(values["reservation"], account), pk=pk)
        )
        services.assign(
            did=did,
            account=account,
            reservation=values["reservation"],
            beside_others=staff and values["beside_others"],
            must_pay=not staff,
        )
        return Response(self.get_serializer(self.get_queryset().get(pk=did.pk)).data)

    @extend_schema(
        request=inline_serializer("ReleaseSerializer", {"account": serializers.IntegerField()}),
        responses={204: None},
    )
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str | None = None) -> Response:
        """Take the number back from an account."""
        wanted = AssignSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        account = self._account(wanted.validated_data["account"])
        self._check_may()
        holding = get_object_or_404(holdings_of(request.user), did=pk, account=account)
        services.release(holding=holding)
        return Response(status=204)

    @extend_schema(request={"multipart/form-data": inline_serializer("NumbersFileSerializer", {"file": serializers.FileField()})},
                   responses=inline_serializer("NumbersTakenSerializer", {
                       name: serializers.IntegerField() for name in ("added", "changed", "assigned")}))  # fmt: skip
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        parser_classes=[MultiPartParser],
        permission_classes=[Office],
    )
    def import_file(self, request: Request) -> Response:
        """Numbers from a CSV file, all or none."""
        if not request.user.has_perm("dids.change_did"):
            self.permission_denied(request)
        file = request.FILES.get("file")
        if file is None:
            raise serializers.ValidationError({"file": "A file is expected."})
        done = files.import_dids(data=file.read(files.MOST_BYTES + 1))
        return Response({"added": done.added, "changed": done.changed, "assigned": done.assigned})

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
    @action(detail=False, url_path="export", pagination_class=None, permission_classes=[Office])
    def export_file(self, request: Request) -> StreamingHttpResponse:
        """The stock as a CSV file."""
        return StreamingHttpResponse(
            files.export_dids(dids=Did.objects.all()), content_type="text/csv; charset=utf-8"
        )

    def _account(self, pk: int) -> Account:
        return get_object_or_404(visible_to(self.request.user), pk=pk)

    def _check_may(self) -> None:
        """Staff by their rights; of customers `NumberRights` has asked what they may."""
        user = self.request.user
        if user.is_staff and not user.has_perm("dids.change_did"):
            raise PermissionDenied

    @staticmethod
    def _reserved(key: str, account: Account) -> QuerySet[Did]:
        return services.reserved(key=key).filter(reserved_for=account)


class SignUpViewSet(viewsets.ViewSet):
    """Open a subscriber with a number, for a shop of yours: staff who may open accounts and give numbers."""

    queryset = Did.objects.none()
    permission_classes = [Office]

    @extend_schema(
        request=SignUpSerializer,
        responses={201: inline_serializer("SignedUpSerializer", {
            "account": serializers.IntegerField(), "username": serializers.CharField(), "number": serializers.CharField()})},
    )  # fmt: skip
    def create(self, request: Request) -> Response:
        if not request.user.has_perm("users.add_account") or not request.user.has_perm("dids.change_did"):
            self.permission_denied(request)
        wanted = SignUpSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        values = wanted.validated_data
        parent = values.pop("parent", None)
        above = get_object_or_404(visible_to(request.user), pk=parent) if parent is not None else None
        account = signup.sign_up(parent=above, **values)
        number = services.first_number(account)
        return Response({"account": account.pk, "username": account.username, "number": number}, status=201)


class OwnPhone(serializers.PrimaryKeyRelatedField):
    """An account whose phone book the asking user may change."""

    def get_queryset(self) -> QuerySet[Account]:
        return with_phones(self.context["request"].user)


class ContactSerializer(serializers.ModelSerializer):
    """Somebody in a phone book; `did` is a shared number by which the two reach each other."""

    account = OwnPhone()

    class Meta:
        model = Contact
        fields = ["id", "account", "name", "username", "number", "second_number", "did"]

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        account = self.instance.account if self.instance else values["account"]
        did = values.get("did")
        if did is not None and not shared_for(account).filter(pk=did.pk).exists():
            raise serializers.ValidationError({"did": "There is no such shared number."})
        return values

    def create(self, values: dict[str, Any]) -> Contact:
        return services.save_contact(**values)

    def update(self, contact: Contact, values: dict[str, Any]) -> Contact:
        values.pop("account", None)
        return services.save_contact(account=contact.account, contact=contact, **values)


class ContactViewSet(viewsets.ModelViewSet):
    """Phone books, everybody's own and those of accounts below."""

    queryset = Contact.objects.none()
    serializer_class = ContactSerializer
    permission_classes = [OwnFeatures]
    pagination_class = ById
    filterset_fields = ["account", "did"]

    def get_queryset(self) -> QuerySet[Contact]:
        return contacts_of(self.request.user)

    def perform_destroy(self, contact: Contact) -> None:
        services.remove_contact(contact=contact)


class _Told(
    mixins.CreateModelMixin, mixins.DestroyModelMixin, mixins.ListModelMixin, mixins.RetrieveModelMixin,
    viewsets.GenericViewSet,
):  # fmt: skip
    """The office writes them, everybody reads their own."""

    permission_classes = [OwnOrOffice]
    pagination_class = ById
    filterset_fields = ["account", "number"]


class KnownNumberSerializer(serializers.ModelSerializer):
    number = serializers.CharField(max_length=32)

    class Meta:
        model = KnownNumber
        fields = ["id", "account", "number", "created_at"]
        read_only_fields = ["created_at"]

    def create(self, values: dict[str, Any]) -> KnownNumber:
        return note_number(**values)


class KnownNumberViewSet(_Told):
    """Numbers outside by which accounts are known when they call from there."""

    queryset = KnownNumber.objects.none()
    serializer_class = KnownNumberSerializer

    def get_queryset(self) -> QuerySet[KnownNumber]:
        return KnownNumber.objects.filter(account__in=visible_to(self.request.user).values("id"))

    def perform_destroy(self, known: KnownNumber) -> None:
        forget_number(known=known)


class ShortSerializer(serializers.ModelSerializer):
    class Meta:
        model = ShortNumber
        fields = ["id", "account", "number"]
        extra_kwargs = {"account": {"validators": []}}

    def create(self, values: dict[str, Any]) -> ShortNumber:
        return services.set_short_number(**values)


class ShortViewSet(_Told):
    """Short numbers of accounts. POST sets the one of an account."""

    queryset = ShortNumber.objects.none()
    serializer_class = ShortSerializer

    def get_queryset(self) -> QuerySet[ShortNumber]:
        return short_numbers_of(self.request.user)

    def perform_destroy(self, short: ShortNumber) -> None:
        services.remove_short_number(account=short.account)
