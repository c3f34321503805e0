"""Forms of a price list's pages."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget

from apps.pricelists.comparison import MOST_TARIFFS
from apps.pricelists.models import ChangeSet
from apps.pricelists.reading import FIELDS, MOST_BYTES
from apps.pricelists.reading.sheets import ENCODINGS, SEPARATORS
from apps.pricelists.services.uploads import First
from apps.pricelists.whatif import KINDS, Swap
from apps.pricing.models import Tariff, prefix_rule
from apps.users.models import Account

MEANINGS = {
    "code": _("code, or several"),
    "country_code": _("country code, before the code"),
    "destination": _("destination"),
    "price": _("price per minute"),
    "peak_price": _("price in the peak time"),
    "connect_fee": _("connect fee"),
    "increments": _("increments, 60/1"),
    "first_increment": _("first increment, s"),
    "next_increment": _("next increments, s"),
    "minimum": _("minimum, s"),
    "valid_from": _("valid from"),
    "status": _("status or comment"),
    "min_digits": _("shortest number"),
    "max_digits": _("longest number"),
}
assert set(MEANINGS) == set(FIELDS)


def _select(choices: Any, label: Any) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, choices=choices, widget=forms.Select(attrs={"class": "office-input"})
    )


class UploadForm(forms.Form):
    """A carrier's file and the tariff that it is for."""

    tariff = forms.ModelChoiceField(
        label=_("Tariff"),
        queryset=Tariff.objects.order_by("name"),
        widget=forms.Select(attrs={"class": "office-input"}),
    )
    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_(
            "CSV, XLSX, XLS or ODS as the carrier sent it. Nothing changes before you have seen what would."
        ),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(most)d MB.") % {"most": MOST_BYTES >> 20}
            )
        return file


class LayoutForm(forms.Form):
    """How a list is read: the meaning of each column, and how its cells are written."""

    sheet = forms.ChoiceField(label=_("Sheet"), required=False)
    encoding = _select([(one, one) for one in ENCODINGS], _("Encoding"))
    separator = _select([(mark, name) for mark, name in SEPARATORS.items()], _("Separator"))
    heading = forms.IntegerField(
        label=_("Row of headings"), min_value=0, max_value=1000, widget=forms.NumberInput(attrs={"class": "office-input"}),
        help_text=_("0: the list has none."),
    )  # fmt: skip
    day = forms.DateField(
        label=_("Valid from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "office-input"}, format="%Y-%m-%d"),
        help_text=_("For lines without a day, and for those whose day is over. Empty: at once."),
    )
    comma = forms.BooleanField(label=_("Decimals follow a comma"), required=False)
    month_first = forms.BooleanField(label=_("In dates the month comes before the day"), required=False)
    rounds = forms.BooleanField(label=_("Round prices to six decimals"), required=False)
    complete = forms.BooleanField(
        label=_("The list is complete: what it does not have is removed from the tariff"), required=False
    )

    def __init__(self, data: Any, *, change_set: ChangeSet, first: First) -> None:
        begins = change_set.begins.astimezone(ZoneInfo(change_set.tariff.time_zone))
        initial: dict[str, Any] = {
            name: getattr(change_set, name) for name in self.base_fields if hasattr(change_set, name)
        }
        initial["day"] = begins.date() if begins > timezone.now() else None
        meanings = {place: name for name, place in change_set.columns.items()}
        initial |= {f"column-{place}": name for place, name in meanings.items()}
        super().__init__(data, initial=initial)
        self.change_set, self.first = change_set, first
        self.fields["sheet"] = _select([(name, name) for name in first.sheets], _("Sheet"))
        for name in ("encoding", "separator") if first.is_workbook else ("sheet",):
            del self.fields[name]
        choices = [("", "—"), *MEANINGS.items()]
        for place, name in enumerate(first.layout.names):
            self.fields[f"column-{place}"] = _select(choices, name or _("Column %d") % (place + 1))

    def columns(self) -> list[Any]:
        """The bound fields of the columns, for the head of the table of samples."""
        return [self[f"column-{place}"] for place in range(len(self.first.layout.names))]

    def others(self) -> list[Any]:
        return [self[name] for name in self.fields if not name.startswith("column-")]

    def way(self) -> dict[str, str]:
        """How the file is opened."""
        return {name: self.cleaned_data.get(name, "") for name in ("sheet", "encoding", "separator")}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = [(data.get(f"column-{place}"), place) for place in range(len(self.first.layout.names))]
        meanings = [name for name, _place in given if name]
        for name in sorted({one for one in meanings if meanings.count(one) > 1}):
            raise forms.ValidationError(_("Two columns are said to be: %(what)s.") % {"what": MEANINGS[name]})
        data["columns"] = {name: place for name, place in given if name}
        return data

    def chosen(self) -> dict[str, Any]:
        """What the service `choose` takes."""
        data = self.cleaned_data
        zone = ZoneInfo(self.change_set.tariff.time_zone)
        day = data["day"]
        begins = datetime.combine(day, time(), zone) if day else timezone.now()
        names = ("columns", "heading", "comma", "month_first", "rounds", "complete")
        return {name: data[name] for name in names} | {"begins": max(begins, timezone.now())}


class CompareForm(forms.Form):
    """Which tariffs stand side by side, against which retail price, and what is looked for."""

    tariffs = forms.ModelMultipleChoiceField(
        label=_("Tariffs"),
        queryset=Tariff.objects.order_by("kind", "name"),
        required=False,
        widget=forms.SelectMultiple(attrs={"class": "office-input", "size": 6}),
    )
    reference = forms.ModelChoiceField(
        label=_("Against the price of"),
        queryset=Tariff.objects.order_by("kind", "name"),
        required=False,
        widget=forms.Select(attrs={"class": "office-input"}),
    )
    q = forms.CharField(
        label=_("Destination or number"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"class": "office-input"}),
    )
    after = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    def clean_tariffs(self) -> Any:
        chosen = self.cleaned_data["tariffs"]
        if len(chosen) > MOST_TARIFFS:
            raise forms.ValidationError(_("Choose at most %(most)d tariffs.") % {"most": MOST_TARIFFS})
        return chosen


class SwapForm(forms.Form):
    """One change of a what-if: a tariff, the numbers it is about, and the tariff that would price them."""

    tariff = forms.ModelChoiceField(
        label=_("Calls priced by"),
        queryset=Tariff.objects.filter(kind__in=KINDS).order_by("kind", "name"),
        required=False,
        widget=forms.Select(attrs={"class": "office-input"}),
    )
    prefix = forms.CharField(
        label=_("to numbers that begin with"),
        required=False,
        max_length=20,
        validators=[prefix_rule],
        widget=forms.TextInput(attrs={"class": "office-input"}),
    )
    by = forms.ModelChoiceField(
        label=_("would be priced by"),
        queryset=Tariff.objects.filter(kind__in=KINDS).order_by("kind", "name"),
        required=False,
        widget=forms.Select(attrs={"class": "office-input"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors and bool(data.get("tariff")) != bool(data.get("by")):
            raise forms.ValidationError(_("Choose both tariffs, or none."))
        return data

    def swap(self) -> Swap | None:
        data = self.cleaned_data
        return Swap(data["tariff"], data["by"], data["prefix"]) if data.get("tariff") else None


class CalculatorForm(forms.Form):
    """Which calls, and one price for all of them."""

    first_day = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}))
    account = forms.CharField(label=_("User name"), max_length=64, required=False)
    prefix = forms.CharField(label=_("Numbers that begin with"), max_length=20, required=False)
    price = forms.DecimalField(label=_("Price per minute"), max_digits=13, decimal_places=6, min_value=0)
    connect_fee = forms.DecimalField(
        label=_("Connect fee"), max_digits=13, decimal_places=6, min_value=0, initial=0, required=False
    )
    first_increment = forms.IntegerField(
        label=_("First increment, s"), min_value=1, max_value=3600, initial=60
    )
    next_increment = forms.IntegerField(
        label=_("Next increments, s"), min_value=1, max_value=3600, initial=60
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for one in self.fields.values():
            one.widget.attrs["class"] = "office-input"

    def clean_prefix(self) -> str:
        prefix = str(self.cleaned_data["prefix"]).removeprefix("+")
        if prefix and not (prefix.isascii() and prefix.isdigit()):
            raise ValidationError(_("A prefix has digits only."))
        return prefix

    def clean_account(self) -> Account | None:
        name = self.cleaned_data["account"]
        found = Account.objects.filter(username=name).first() if name else None
        if name and found is None:
            raise ValidationError(_("There is no account of this name."))
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first_day"), data.get("last_day")
        if first and last and not (0 <= (last - first).days < 92 and 2000 <= first.year < 2100):
            raise ValidationError(_("The days are in their order, and at most three months."))
        return data
