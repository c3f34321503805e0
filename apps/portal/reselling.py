"""What a reseller does for the accounts below it: opening and changing them, credit, which price list they pay by."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.core.admin import show
from apps.core.fields import zone_name
from apps.pricing.models import UNCONDITIONAL, TariffAssignment, TariffKind
from apps.resellers import services
from apps.resellers.queries import OPENED, features_of, looked_after, own_tariffs, rights_of
from apps.resellers.rights import Rights
from apps.users.choices import Billing, Kind
from apps.users.models import Account, username_rule
from apps.users.queries import setting_of
from apps.users.rules import REGISTERING

View = Callable[..., HttpResponse]
LARGEST = 10**9


def money(**options: Any) -> forms.DecimalField:
    """An amount as a table can hold it."""
    return forms.DecimalField(
        max_digits=16, decimal_places=6, max_value=LARGEST, min_value=-LARGEST, **options
    )


def with_right(name: str) -> Callable[[View], View]:
    """A page for resellers who have the right; whoever has not finds nothing here."""

    def decorate(view: View) -> View:
        @require_http_methods(["GET", "POST"])
        @login_required
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
            if not getattr(rights_of(request.user), name):
                raise Http404
            return view(request, *args, **options)

        return page

    return decorate


class Carried(forms.Form):
    """A form whose purpose one of the services carries out; what is refused stands beside the field."""

    def carry_out(self, call: Callable[[], Any]) -> Any:
        """What the service made, or None when it refused."""
        try:
            return call() or True
        except ValidationError as error:
            show(self, error)
        except PermissionDenied:
            self.add_error(None, _("You have no right to do this."))
        return None


class AccountForm(Carried):
    """An account below; user name and kind are given once."""

    kind = forms.ChoiceField(label=_("Kind"))
    username = forms.CharField(label=_("User name"), max_length=64, validators=[username_rule])
    display_name = forms.CharField(label=_("Name"), max_length=128, required=False)
    email = forms.EmailField(label=_("E-mail"), required=False)
    address = forms.CharField(
        label=_("Address on invoices"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    vat_number = forms.CharField(label=_("VAT number"), max_length=32, required=False)
    vat_rate = forms.DecimalField(
        label=_("VAT %"), max_digits=5, decimal_places=2, initial=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )  # fmt: skip
    time_zone = forms.CharField(label=_("Time zone"), max_length=64, validators=[zone_name])
    password = forms.CharField(
        label=_("Password for this portal"), max_length=128, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    sip_password = forms.CharField(
        label=_("Password of its phone"), max_length=64, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    max_calls = forms.IntegerField(
        label=_("Calls at once"), min_value=0, max_value=10_000, initial=0, help_text=_("0: no limit.")
    )
    credit = money(label=_("Credit to begin with"), required=False)
    billing = forms.ChoiceField(label=_("Pays"), choices=Billing.choices)
    credit_limit = money(label=_("Credit limit"), initial=0)
    is_active = forms.BooleanField(label=_("Enabled"), required=False)

    def __init__(
        self, *args: Any, by: Account, rights: Rights, account: Account | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.by, self.account = by, account
        gone = ["kind", "username", "credit"] if account else ["is_active"]
        if not rights.postpaid:
            gone += ["billing", "credit_limit"]
        if account is None:
            kinds = [kind for kind in OPENED if kind != Kind.RESELLER or rights.resellers]
            self.fields["kind"].choices = [(kind.value, kind.label) for kind in kinds]
            self._begin_credit(gone)
        else:
            for name in ("password", "sip_password"):
                self.fields[name].help_text = _("Leave it empty to keep the one that it has.")
            if account.kind not in REGISTERING:
                gone.append("sip_password")
        for name in gone:
            self.fields.pop(name, None)

    def _begin_credit(self, gone: list[str]) -> None:
        given = str(setting_of(self.by, "defaultcredit"))
        if not features_of(self.by)["feature_creditfornewusers"]:
            gone.append("credit")
        elif given:
            self.fields["credit"].help_text = _("Empty: %(credit)s.") % {"credit": given}

    def store(self) -> Account | None:
        data = dict(self.cleaned_data)
        if self.account is not None:
            account = self.account
            return self.carry_out(lambda: services.change_below(by=self.by, account=account, **data))
        return self.carry_out(lambda: services.open_below(by=self.by, **data))


@with_right("accounts")
def account(request: HttpRequest, account_id: int | None = None) -> HttpResponse:
    """A new account, or one to change."""
    rights = rights_of(request.user)
    found = get_object_or_404(looked_after(request.user, rights), pk=account_id) if account_id else None
    initial = (
        {name: getattr(found, name) for name in services.FIELDS}
        if found
        else {"time_zone": request.user.time_zone}
    )
    form = AccountForm(request.POST or None, by=request.user, rights=rights, account=found, initial=initial)
    if request.method == "POST" and form.is_valid():
        stored = form.store()
        if stored is not None:
            messages.success(request, _("%(account)s was saved.") % {"account": stored.username})
            return redirect("portal_account", account_id=stored.pk)
    return render(request, "resellers/form.html", {
        "form": form, "title": found.username if found else _("Add an account"),
    })  # fmt: skip


class CreditForm(Carried):
    """Credit for an account; the key makes that a second click enters nothing."""

    amount = money(label=_("Amount"), help_text=_("Negative: credit is taken back."))
    reference = forms.CharField(label=_("Reference"), max_length=100, required=False)
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


@with_right("accounts")
def credit(request: HttpRequest, account_id: int) -> HttpResponse:
    """Credit entered for an account directly below."""
    found = get_object_or_404(looked_after(request.user).filter(parent=request.user), pk=account_id)
    if not features_of(request.user)["feature_creditedit"]:
        raise Http404
    form = CreditForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if form.carry_out(lambda: services.give(by=request.user, account=found, amount=data["amount"],
                                                reference=data["reference"], key=str(data["key"]))):  # fmt: skip
            messages.success(request, _("The credit was entered."))
            return redirect("portal_account", account_id=found.pk)
    return render(request, "resellers/form.html", {
        "form": form, "title": _("Credit for %(account)s") % {"account": found.username},
        "balance": getattr(found, "balance", None), "account": found,
    })  # fmt: skip


class AssignForm(Carried):
    """By which lists an account pays; a reseller's two prices are what it pays, and what those below it do."""

    def __init__(self, *args: Any, by: Account, account: Account, **options: Any) -> None:
        super().__init__(*args, **options)
        self.by, self.account = by, account
        lists = own_tariffs(by).order_by("name")
        self._choose(TariffKind.RETAIL, _("Price list of its calls"), lists)
        if account.kind == Kind.RESELLER:
            self.fields[TariffKind.RETAIL].label = _("Price list of its customers, unless it has its own")
            self._choose(TariffKind.RESELLER, _("Price list that it pays by"), lists)

    def _choose(self, kind: str, label: Any, lists: Any) -> None:
        self.fields[kind] = forms.ModelChoiceField(
            lists.filter(kind=kind), label=label, required=False, empty_label=str(_("as holds above it"))
        )

    def store(self) -> Any:
        def assign() -> None:
            for kind in self.fields:
                tariff = self.cleaned_data[kind]
                services.assign(by=self.by, account=self.account, kind=kind, tariff=tariff)

        return self.carry_out(assign)


@with_right("tariffs")
def prices(request: HttpRequest, account_id: int) -> HttpResponse:
    """By which of the reseller's lists an account pays."""
    found = get_object_or_404(looked_after(request.user), pk=account_id)
    given = TariffAssignment.objects.filter(account=found, **UNCONDITIONAL)
    initial = {one.kind: one.tariff_id for one in given}
    form = AssignForm(request.POST or None, by=request.user, account=found, initial=initial)
    if request.method == "POST" and form.is_valid() and form.store():
        messages.success(request, _("The price list holds for calls from now on."))
        return redirect("portal_account", account_id=found.pk)
    return render(request, "resellers/form.html", {
        "form": form, "title": _("Prices of %(account)s") % {"account": found.username},
    })  # fmt: skip


class PassForm(Carried):
    """Credit of one's own for somebody else."""

    to = forms.CharField(label=_("User name"), max_length=64)
    amount = money(label=_("Amount"))
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


@require_http_methods(["GET", "POST"])
@login_required
def pass_credit(request: HttpRequest) -> HttpResponse:
    """Credit passed on to another account."""
    if request.user.is_staff or not features_of(request.user)["feature_transfercredit"]:
        raise Http404
    form = PassForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        if form.carry_out(
            lambda: services.pass_on(
                by=request.user, to=data["to"], amount=data["amount"], key=str(data["key"])
            )
        ):
            messages.success(request, _("The credit was passed on."))
            return redirect("portal_ledger")
    return render(request, "resellers/form.html", {
        "form": form, "title": _("Pass credit on"), "balance": getattr(request.user, "balance", None), "account": request.user,
    })  # fmt: skip
