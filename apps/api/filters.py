"""Filters, named like the fields they look at."""

from __future__ import annotations

from datetime import datetime

import django_filters as df
from django.db.models import Q, QuerySet

from apps.cdrs.models import Cdr
from apps.pricing.models import CONDITIONS, Rate, TariffAssignment
from apps.recordings.models import Recording
from apps.users.models import Account


class AccountFilter(df.FilterSet):
    username = df.CharFilter()

    class Meta:
        model = Account
        fields = ["username", "kind", "parent", "is_active", "billing", "currency"]


class RateFilter(df.FilterSet):
    """`prefix_of` finds the rates that a number could be billed by."""

    prefix = df.CharFilter()
    prefix_startswith = df.CharFilter(field_name="prefix", lookup_expr="startswith")
    prefix_of = df.CharFilter(method="covering")

    class Meta:
        model = Rate
        fields = ["tariff", "prefix", "window"]

    def covering(self, rates: object, name: str, number: str) -> object:
        return rates.filter(prefix__in=[number[:length] for length in range(min(len(number), 20) + 1)])  # type: ignore[attr-defined]


class AssignmentFilter(df.FilterSet):
    """`valid_at` finds those that hold at that moment."""

    valid_at = df.IsoDateTimeFilter(method="holding")

    class Meta:
        model = TariffAssignment
        fields = ["account", "tariff", "kind", *CONDITIONS]

    def holding(
        self, given: QuerySet[TariffAssignment], name: str, at: datetime
    ) -> QuerySet[TariffAssignment]:
        begun = Q(valid_from=None) | Q(valid_from__lte=at)
        return given.filter(begun, Q(valid_until=None) | Q(valid_until__gt=at))


class RecordingFilter(df.FilterSet):
    started_after = df.IsoDateTimeFilter(field_name="started_at", lookup_expr="gte")
    started_before = df.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt")

    class Meta:
        model = Recording
        fields = ["call_id", "for_caller", "for_called", "caller_number", "called_number"]


class CdrFilter(df.FilterSet):
    started_after = df.IsoDateTimeFilter(field_name="started_at", lookup_expr="gte")
    started_before = df.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt")
    answered = df.BooleanFilter(field_name="answered_at", lookup_expr="isnull", exclude=True)
    called_number = df.CharFilter(lookup_expr="startswith")
    caller_number = df.CharFilter(lookup_expr="startswith")

    class Meta:
        model = Cdr
        fields = ["caller", "called_number", "caller_number", "hangup_cause"]
