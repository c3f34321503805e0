"""The form of a replay of routes."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.pricelists.models import ChangeSet, State
from apps.pricelists.whatif import KINDS
from apps.pricing.models import Tariff, prefix_rule
from apps.routing.models import RouteRule
from apps.users.choices import Kind
from apps.users.models import Account


class ReplayForm(forms.Form):
    """A replay of routes: what would be otherwise, and by which calls that is judged."""

    title = forms.CharField(label=_("Title"), max_length=100)
    rules = forms.ModelMultipleChoiceField(
        label=_("Route rules that would hold"),
        queryset=RouteRule.objects.order_by("priority", "id"),
        help_text=_(
            "At first those that hold now. A rule that is not enabled is a draft: choose it here to try it."
        ),
        widget=forms.SelectMultiple(attrs={"size": 12}),
    )
    without = forms.ModelMultipleChoiceField(
        label=_("Carriers that are left out"),
        queryset=Account.objects.filter(kind=Kind.CARRIER).order_by("username"),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )
    tariff = forms.ModelChoiceField(
        label=_("In place of the tariff"),
        queryset=Tariff.objects.filter(kind__in=KINDS).order_by("kind", "name"),
        required=False,
    )
    by = forms.ModelChoiceField(
        label=_("there would be"),
        queryset=Tariff.objects.filter(kind__in=KINDS).order_by("kind", "name"),
        required=False,
    )
    lists = forms.ModelMultipleChoiceField(
        label=_("Price lists that would be applied"),
        queryset=ChangeSet.objects.filter(state=State.READY).defer("data").select_related("tariff"),
        required=False,
        widget=forms.SelectMultiple(attrs={"size": 4}),
    )
    prefix = forms.CharField(
        label=_("Only numbers that begin with"), required=False, max_length=20, validators=[prefix_rule]
    )
    first_day = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}))
    prices_at = forms.DateField(
        label=_("Prices of the week from"),
        required=False,
        help_text=_("Empty: now. Each call is decided at its hour of that week."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for one in self.fields.values():
            one.widget.attrs["class"] = "office-input"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and bool(data.get("tariff")) != bool(data.get("by")):
            raise forms.ValidationError(_("Choose both tariffs, or none."))
        return data

    def asked(self) -> dict[str, Any]:
        """What the service is asked for."""
        data = dict(self.cleaned_data)
        zone = timezone.get_current_timezone()
        old, new, first, last = (data.pop(name) for name in ("tariff", "by", "first_day", "last_day"))
        week = data.pop("prices_at")
        return data | {
            "swaps": [(old, new)] if old else [],
            "since": datetime.combine(first, time.min, zone),
            "until": datetime.combine(last + timedelta(days=1), time.min, zone),
            "prices_at": datetime.combine(week, time.min, zone) if week else None,
        }
