"""What the API shows and takes. Writing goes through the services."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import serializers

from apps.cdrs.models import Cdr, CdrPrice
from apps.invoices.models import Invoice, InvoiceLine, LedgerEntry, Payment
from apps.invoices.services import payments
from apps.pricing import services as pricing
from apps.pricing.models import Rate, Tariff
from apps.recordings.models import Recording
from apps.routing import services as routing
from apps.routing.models import PHONES, RouteRule, RouteTarget
from apps.signalling import services as signalling
from apps.signalling.models import HangupCause, HeaderRule
from apps.users import services as users
from apps.users.choices import Kind
from apps.users.live import MOST_WAITING
from apps.users.models import Account, Trunk, TrunkAccount


class AccountSerializer(serializers.ModelSerializer):
    """An account. Secrets are taken and never shown; the balance is moved by payments and calls only."""

    balance = serializers.DecimalField(
        source="balance.amount", max_digits=18, decimal_places=6, read_only=True, default=None
    )
    held = serializers.DecimalField(
        source="balance.held", max_digits=18, decimal_places=6, read_only=True, default=None
    )
    password = serializers.CharField(write_only=True, required=False)
    sip_password = serializers.CharField(write_only=True, required=False)

    class Meta:
        model = Account
        fields = ["id", "username", "kind", "parent", "display_name", "contact_name", "phone", "email", "address",
                  "billing_address", "is_company", "vat_number", "country",
                  "language", "time_zone", "is_active", "payer", "billing", "credit_limit", "currency", "vat_rate", "balance",
                  "held", "caller_number", "max_calls", "max_calls_offpeak", "calls_per_second", "max_call_seconds", "tech_prefix",
                  "contract_number", "contract_state", "contract_comment", "description", "comment",
                  "created_at", "added_by", "password", "sip_password"]  # fmt: skip
        read_only_fields = ["created_at", "added_by"]

    def to_representation(self, account: Account) -> dict[str, Any]:
        """What the office notes about an account is not shown to the account."""
        shown = super().to_representation(account)
        if not self.context["request"].user.is_staff:
            for field in ("contract_comment", "description", "comment", "added_by"):
                shown.pop(field, None)
        return shown

    def validate_kind(self, kind: str) -> str:
        if kind in (Kind.ADMIN, Kind.SUPPORT) and not self.context["request"].user.is_superuser:
            raise serializers.ValidationError("Only an administrator opens accounts for staff.")
        return kind

    def create(self, values: dict[str, Any]) -> Account:
        return users.open_account(added_by=self.context["request"].user, **values)

    @transaction.atomic
    def update(self, account: Account, values: dict[str, Any]) -> Account:
        password, sip_password = values.pop("password", None), values.pop("sip_password", None)
        account = users.change_account(account=account, **values)
        if password:
            users.set_web_password(account=account, password=password)
        if sip_password:
            users.set_sip_password(account=account, password=sip_password)
        return account


class WantedPinSerializer(serializers.Serializer):
    """Whether the account is to have none."""

    remove = serializers.BooleanField(default=False)


class PinSerializer(serializers.Serializer):
    """A PIN, told this once; empty: it has none."""

    pin = serializers.CharField(read_only=True)


class EffectiveSettingSerializer(serializers.Serializer):
    """A setting as it holds for an account; `source` is the account that gave the value, null when it is everybody's."""

    key = serializers.CharField(source="definition.key")
    value = serializers.CharField(source="shown")
    source = serializers.IntegerField(source="source.id", default=None)
    help = serializers.CharField(source="definition.help")


class OwnSettingSerializer(serializers.Serializer):
    """A value of an account's own, written as in the admin; null takes it back."""

    value = serializers.CharField(allow_null=True, allow_blank=True, trim_whitespace=False)


class SipMessageSerializer(serializers.Serializer):
    """A message as it passed the switch. `at`: epoch seconds; `outgoing`: from the switch."""

    at = serializers.FloatField()
    outgoing = serializers.BooleanField()
    transport = serializers.CharField()
    ours = serializers.CharField()
    theirs = serializers.CharField()
    text = serializers.CharField()


TRUNK_FIELDS = ["host", "port", "transport", "backup_host", "backup_port", "strip_digits", "prefix", "max_calls", "answer_seconds",
                "response_seconds", "username", "realm", "registers"]  # fmt: skip


class TrunkSerializer(serializers.ModelSerializer):
    """How a carrier is reached."""

    password = serializers.CharField(write_only=True, required=False)

    class Meta:
        model = Trunk
        fields = [*TRUNK_FIELDS, "password"]


class TrunkAccountSerializer(serializers.ModelSerializer):
    """An account that a carrier has given us. The password is taken and never shown."""

    carrier = serializers.PrimaryKeyRelatedField(queryset=Account.objects.filter(kind=Kind.CARRIER))
    password = serializers.CharField(write_only=True, required=False)
    spent = serializers.DecimalField(
        source="use.spent", max_digits=18, decimal_places=6, read_only=True, default=None
    )
    last_used = serializers.DateTimeField(source="use.last_used", read_only=True, default=None)

    class Meta:
        model = TrunkAccount
        fields = ["id", "carrier", "priority", "username", "realm", "caller_number", "registers", "expires", "credit",
                  "is_empty", "spent", "last_used", "enabled", "created_at", "password"]  # fmt: skip
        read_only_fields = ["created_at", "is_empty"]

    def create(self, values: dict[str, Any]) -> TrunkAccount:
        return users.open_trunk_account(password=values.pop("password", ""), **values)

    def update(self, account: TrunkAccount, values: dict[str, Any]) -> TrunkAccount:
        if values.pop("carrier", account.carrier) != account.carrier:
            raise serializers.ValidationError({"carrier": "An account stays with its carrier."})
        return users.change_trunk_account(account=account, **values)


class PhoneSerializer(serializers.Serializer):
    """A phone that is registered."""

    contact = serializers.CharField()
    address = serializers.CharField()
    transport = serializers.CharField()
    agent = serializers.CharField()
    seen = serializers.DateTimeField()
    expires = serializers.DateTimeField()
    seconds = serializers.IntegerField()


class WaitingSerializer(serializers.Serializer):
    """Voice messages in a mailbox."""

    new = serializers.IntegerField(min_value=0, max_value=MOST_WAITING)
    old = serializers.IntegerField(min_value=0, max_value=MOST_WAITING)


class UpperSerializer(serializers.Serializer):
    """A registration of ours with a carrier."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    state = serializers.ChoiceField(choices=["new", "registered", "failed", "over"])
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField()


class CarrierStateSerializer(serializers.Serializer):
    """How a carrier stands on one node; `up` is null where nobody asks it."""

    node = serializers.CharField()
    up = serializers.BooleanField(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    detail = serializers.CharField()
    uppers = UpperSerializer(many=True)


class CarrierSerializer(AccountSerializer):
    """A carrier: an account and its trunk."""

    kind = serializers.HiddenField(default=Kind.CARRIER)
    trunk = TrunkSerializer(required=False)

    class Meta(AccountSerializer.Meta):
        fields = [*AccountSerializer.Meta.fields, "trunk"]

    @transaction.atomic
    def create(self, values: dict[str, Any]) -> Account:
        trunk = values.pop("trunk", None)
        carrier = super().create(values)
        return self._with_trunk(carrier, trunk)

    @transaction.atomic
    def update(self, account: Account, values: dict[str, Any]) -> Account:
        trunk = values.pop("trunk", None)
        values.pop("kind", None)
        return self._with_trunk(super().update(account, values), trunk)

    def _with_trunk(self, carrier: Account, trunk: dict[str, Any] | None) -> Account:
        """A PATCH leaves what it does not name as it is, within the trunk too; a PUT says it all."""
        if trunk is not None:
            stands = (
                Trunk.objects.filter(account=carrier).values(*TRUNK_FIELDS).first() if self.partial else None
            )
            users.set_trunk(account=carrier, **{**(stands or {}), **trunk})
        return carrier


class TariffSerializer(serializers.ModelSerializer):
    class Meta:
        model = Tariff
        fields = ["id", "name", "kind", "group", "currency", "vat_included", "vat_rate", "time_zone", "peak_window",
                  "rounding", "decimals", "connect_fee", "first_increment", "next_increment", "minimum_seconds",
                  "free_seconds", "free_after", "grace_seconds", "minimum_charge", "maximum_charge", "surcharge",
                  "crossing", "calendars", "comment", "changed_at"]  # fmt: skip
        read_only_fields = ["changed_at"]

    def create(self, values: dict[str, Any]) -> Tariff:
        return pricing.create_tariff(**values)

    def update(self, tariff: Tariff, values: dict[str, Any]) -> Tariff:
        return pricing.change_tariff(tariff=tariff, **values)


class RateSerializer(serializers.ModelSerializer):
    class Meta:
        model = Rate
        fields = ["id", "tariff", "prefix", "destination", "price", "window", "connect_fee", "first_increment",
                  "next_increment", "minimum_seconds", "free_seconds", "free_after", "grace_seconds", "minimum_charge",
                  "maximum_charge", "surcharge", "min_digits", "max_digits", "valid_from", "valid_until"]  # fmt: skip

    def create(self, values: dict[str, Any]) -> Rate:
        tariff = values["tariff"]
        self._check(None, tariff, {name: one for name, one in values.items() if name != "tariff"})
        return pricing.add_rate(**values)

    def update(self, rate: Rate, values: dict[str, Any]) -> Rate:
        self._check(rate, rate.tariff, values)
        return pricing.change_rate(rate=rate, **values)

    def _check(self, rate: Rate | None, tariff: Tariff, fields: dict[str, Any]) -> None:
        """A program has no second pair of eyes."""
        if pricing.needs_second_person(rate=rate, tariff=tariff, fields=fields):
            raise serializers.ValidationError(
                {"price": "This change waits for a second person: ask for it in the office."}
            )


class RouteTargetSerializer(serializers.ModelSerializer):
    """Where a rule leads: one of `carrier`, `subscriber` and `group`."""

    carrier = serializers.PrimaryKeyRelatedField(
        queryset=Account.objects.filter(kind=Kind.CARRIER), required=False, allow_null=True
    )
    subscriber = serializers.PrimaryKeyRelatedField(
        queryset=Account.objects.filter(kind__in=PHONES), required=False, allow_null=True
    )

    class Meta:
        model = RouteTarget
        fields = ["carrier", "subscriber", "group", "priority", "weight", "share", "max_calls", "calls_per_second", "minutes_per_day",
                  "minutes_per_month", "full_until", "window", "last_resort", "enabled"]  # fmt: skip
        read_only_fields = ["full_until"]


class RouteSerializer(serializers.ModelSerializer):
    """A rule with its targets; the list of targets is replaced as a whole."""

    targets = RouteTargetSerializer(many=True)

    class Meta:
        model = RouteRule
        fields = ["id", "name", "priority", "enabled", "caller", "groups", "service", "tech_prefixes", "caller_prefixes",
                  "called_prefixes", "window", "calendars", "strategy", "final", "together",
                  "targets"]  # fmt: skip

    def create(self, values: dict[str, Any]) -> RouteRule:
        return routing.create_rule(**values)

    def update(self, rule: RouteRule, values: dict[str, Any]) -> RouteRule:
        routing.change_rule(rule=rule, **values)
        return RouteRule.objects.prefetch_related("targets").get(pk=rule.pk)


class HeaderRuleSerializer(serializers.ModelSerializer):
    class Meta:
        model = HeaderRule
        fields = ["id", "account", "direction", "kind", "method", "action", "header", "pattern", "value", "condition",
                  "priority", "enabled"]  # fmt: skip

    def create(self, values: dict[str, Any]) -> HeaderRule:
        return signalling.create_header_rule(**values)

    def update(self, rule: HeaderRule, values: dict[str, Any]) -> HeaderRule:
        return signalling.change_header_rule(rule=rule, **values)


class HangupCauseSerializer(serializers.ModelSerializer):
    class Meta:
        model = HangupCause
        fields = ["id", "name", "sip_status", "q850", "text"]

    def create(self, values: dict[str, Any]) -> HangupCause:
        return signalling.create_cause(**values)

    def update(self, cause: HangupCause, values: dict[str, Any]) -> HangupCause:
        return signalling.change_cause(cause=cause, **values)


class CdrPriceSerializer(serializers.ModelSerializer):
    class Meta:
        model = CdrPrice
        fields = ["kind", "account", "prefix", "unit_price", "billing_step", "billed_seconds", "currency", "net", "vat",
                  "gross", "vat_rate"]  # fmt: skip


#: What a customer sees of a call: nothing of carriers, costs, routes or of the switch's inside.
CUSTOMER_CDR = ["id", "started_at", "answered_at", "ended_at", "duration", "sip_status", "q850_cause", "hangup_cause",
                "disconnector", "service", "caller", "caller_number", "original_called_number", "called_number",
                "destination", "retail_price"]  # fmt: skip


class CustomerCdrSerializer(serializers.ModelSerializer):
    class Meta:
        model = Cdr
        fields = CUSTOMER_CDR


class CdrSerializer(serializers.ModelSerializer):
    class Meta:
        model = Cdr
        fields = [*CUSTOMER_CDR, "setup_ms", "pdd_ms", "caller_address", "dialled_number", "carrier", "called_account",
                  "called_address", "reseller", "route_rule", "attempts", "carrier_cost", "sales_commission",
                  "company_price", "reseller_price", "media", "codec", "rtp_sent", "rtp_received", "rtp_lost",
                  "caller_mos", "called_mos", "quality",
                  "sip_call_id", "worker", "world_version", "comment", "recorded_at"]  # fmt: skip


class LiveCallSerializer(serializers.Serializer):
    """A call in progress."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    started = serializers.DateTimeField()
    answered = serializers.DateTimeField(allow_null=True)
    seconds = serializers.IntegerField()
    caller_id = serializers.IntegerField()
    caller = serializers.CharField()
    caller_number = serializers.CharField()
    called_number = serializers.CharField()
    destination = serializers.CharField()
    codec = serializers.CharField()


class OfficeLiveCallSerializer(LiveCallSerializer):
    """What staff sees besides."""

    carrier = serializers.CharField()
    rule = serializers.CharField()
    worker = serializers.CharField()
    media = serializers.CharField()
    recorded = serializers.BooleanField()
    caller_mos = serializers.FloatField(allow_null=True)
    called_mos = serializers.FloatField(allow_null=True)


class RecordSerializer(serializers.Serializer):
    """Whether a call is to be recorded."""

    on = serializers.BooleanField()


class RecordingSerializer(serializers.ModelSerializer):
    class Meta:
        model = Recording
        fields = ["id", "call_id", "number", "started_at", "seconds", "caller_number", "called_number", "for_caller",
                  "for_called", "reason"]  # fmt: skip


class PaymentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Payment
        fields = ["id", "account", "amount", "currency", "method", "reference", "entered_by", "created_at"]
        read_only_fields = ["currency", "entered_by", "created_at"]

    def create(self, values: dict[str, Any]) -> Payment:
        request = self.context["request"]
        key = request.headers.get("Idempotency-Key")
        return payments.enter(by=request.user, idempotency_key=key, **values)


class LedgerSerializer(serializers.ModelSerializer):
    class Meta:
        model = LedgerEntry
        fields = ["id", "account", "kind", "amount", "currency", "call_id", "payment", "text", "created_at"]


class InvoiceLineSerializer(serializers.ModelSerializer):
    class Meta:
        model = InvoiceLine
        fields = ["position", "text", "calls", "seconds", "net", "vat_rate"]


class InvoiceSerializer(serializers.ModelSerializer):
    lines = InvoiceLineSerializer(many=True, read_only=True)

    class Meta:
        model = Invoice
        fields = ["id", "number", "document_type", "refers_to", "issuer", "account", "period_start", "period_end",
                  "issued_at", "due_on", "customer_name", "currency", "net", "vat", "gross", "rounding", "mailed_at",
                  "lines"]  # fmt: skip


class IssueSerializer(serializers.Serializer):
    """Which account is to be invoiced for which half-open span of time."""

    account = serializers.PrimaryKeyRelatedField(queryset=Account.objects.all())
    period_start = serializers.DateTimeField()
    period_end = serializers.DateTimeField()
