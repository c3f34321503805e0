"""Forms of the desk's pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget

from apps.desk.services.batches import LONGEST, MOST
from apps.users.choices import Kind
from apps.users.models import Account, username_rule

_INPUT = {"class": "office-input"}
#: Kinds that are made many at once.
IN_BATCHES = (
    Kind.SUBSCRIBER,
    Kind.EXTENSION,
    Kind.AGENT,
    Kind.CALLING_CARD,
    Kind.RESELLER,
    Kind.CUSTOMER_TRUNK,
)


def _text(label: Any, help_text: Any = "", *, required: bool = False, **more: Any) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=required, widget=forms.TextInput(attrs=_INPUT), **more
    )


def _number(label: Any, least: int, most: int, initial: int, help_text: Any = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        help_text=help_text,
        min_value=least,
        max_value=most,
        initial=initial,
        widget=forms.NumberInput(attrs=_INPUT),
    )


class AccountField(forms.CharField):
    """An account by its user name: a list to choose from would be too long."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            **{"required": False, "widget": forms.TextInput(attrs=_INPUT | {"list": "accounts"})} | more
        )

    def clean(self, value: Any) -> Account | None:  # type: ignore[override]
        text = super().clean(value)
        if not text:
            return None
        found = Account.objects.filter(username=text).first()
        if found is None:
            raise ValidationError(_("There is no account %(name)s."), params={"name": text})
        return found


class OpenForm(forms.Form):
    """What each new account has of its own; the rest comes from where it begins."""

    username = _text(_("User name"), required=True, max_length=64, validators=[username_rule])
    display_name = _text(_("Name"), max_length=128)
    parent = AccountField(label=_("Below"), help_text=_("User name of the account above; empty: none."))
    email = forms.EmailField(label=_("E-mail"), required=False, widget=forms.EmailInput(attrs=_INPUT))
    caller_number = _text(_("Caller number"), _("E.164, shown to who is called."), max_length=32)
    passwords = forms.BooleanField(
        label=_("Make passwords"),
        required=False,
        initial=True,
        help_text=_("They are shown once, on the next page, and kept only as digests."),
    )


class BatchForm(forms.Form):
    """Which accounts are made, and what they are called."""

    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[(str(kind), kind.label) for kind in IN_BATCHES],
        widget=forms.Select(attrs=_INPUT),
    )
    count = _number(_("How many"), 1, MOST, 10)
    prefix = _text(_("User names begin with"), _("Letters or digits; the number follows."), max_length=32)
    first = _number(_("First number"), 0, 10**LONGEST, 1)
    digits = _number(_("Digits of the number"), 1, LONGEST, 4, _("Filled with zeros: 0001."))
    parent = AccountField(label=_("Below"), help_text=_("User name of the account above; empty: none."))
    like = AccountField(
        label=_("Like"), help_text=_("User name of an account whose settings, groups and tariffs they get.")
    )
    number_prefix = _text(
        _("Caller numbers begin with"), _("The number follows. Empty: they have none."), max_length=20
    )
    web = forms.BooleanField(
        label=_("Web passwords too"), required=False, initial=True, help_text=_("To log in to the portal.")
    )
    pins = forms.BooleanField(
        label=_("PINs too"), required=False, help_text=_("To call from anywhere (see docs/dids.md).")
    )


class FileForm(forms.Form):
    """A file of accounts."""

    file = forms.FileField(
        label=_("File"),
        widget=UnfoldAdminFileFieldWidget,
        help_text=_("CSV, XLSX, XLS or ODS. Nothing changes before you have seen what would."),
    )
