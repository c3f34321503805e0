"""The portal's pages of numbers: which ones an account has, free ones to take, and the phone book with shared numbers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.config import queries as config
from apps.dids import services as dids
from apps.dids.fields import NumberField
from apps.dids.models import Contact
from apps.dids.queries import contacts_of, holdings_of, kept_for, may_take, shared_for, with_phones
from apps.users.models import Account
from apps.users.queries import visible_to

PER_PAGE = 200


@require_http_methods(["GET", "POST"])
@login_required
def numbers(request: HttpRequest, account_id: int | None = None) -> HttpResponse:
    """The numbers of the reader, or of an account below; who may take one is offered free ones, which are kept for a while."""
    if request.user.is_staff:
        return redirect("admin:index")
    account = get_object_or_404(visible_to(request.user), pk=account_id or request.user.pk)
    may = may_take(request.user, account)
    if request.method == "POST":
        if not may:
            raise PermissionDenied
        digits = "".join(
            sign for sign in request.POST.get("digits", "") if sign.isascii() and sign.isdigit()
        )[:15]
        _key, offered = dids.reserve(count=int(config.get("dids_offered")), account=account, digits=digits)
        if not offered:
            messages.warning(request, _("No such number is free."))
        return _back(request, account)
    held = holdings_of(request.user).filter(account=account).select_related("did").order_by("place", "id")
    below = (
        holdings_of(request.user)
        .exclude(account=account)
        .select_related("did", "account")
        .order_by("did__number")
    )
    context = {
        "account": account, "held": held, "offered": kept_for(account) if may else (), "may_take": may,
        "below": below[:PER_PAGE] if account_id is None else (), "minutes": config.get("did_reservation_minutes"),
    }  # fmt: skip
    return render(request, "portal/numbers.html", context)


@require_POST
@login_required
def take(request: HttpRequest, account_id: int, did_id: int) -> HttpResponse:
    """Take one of the numbers that are kept for the account; it is paid for at once."""
    account = _may_change(request, account_id)
    did = get_object_or_404(kept_for(account), pk=did_id)
    try:
        dids.assign(did=did, account=account, must_pay=True)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        dids.let_go(account=account)
        messages.success(request, _("%(number)s is yours.") % {"number": did})
    return _back(request, account)


@require_POST
@login_required
def give_back(request: HttpRequest, account_id: int, did_id: int) -> HttpResponse:
    """Give a number back; what was paid for it stays paid."""
    account = _may_change(request, account_id)
    holding = get_object_or_404(holdings_of(request.user), did=did_id, account=account)
    dids.release(holding=holding)
    messages.success(request, _("%(number)s was given back.") % {"number": holding.did})
    return _back(request, account)


def _may_change(request: HttpRequest, account_id: int) -> Account:
    account: Account = get_object_or_404(visible_to(request.user), pk=account_id)
    if not may_take(request.user, account):
        raise PermissionDenied
    return account


def _back(request: HttpRequest, account: Account) -> HttpResponse:
    if account.pk == request.user.pk:
        return redirect("portal_numbers")
    return redirect("portal_account_numbers", account_id=account.pk)


# --- the phone book -----------------------------------------------------------------------------------------------------------------


class ContactForm(forms.ModelForm):
    """Somebody whom the reader calls."""

    class Meta:
        model = Contact
        fields = ["name", "username", "number", "second_number", "did"]
        field_classes = {"number": NumberField, "second_number": NumberField}

    def __init__(self, *args: Any, account: Account, **options: Any) -> None:
        super().__init__(*args, **options)
        self.account = account
        shared = shared_for(account)
        if shared.exists():
            self.fields["did"].queryset = shared  # type: ignore[attr-defined]
        else:
            del self.fields["did"]

    def store(self) -> bool:
        """Carry it out; what is refused stands beside the field."""
        try:
            contact = self.instance if self.instance.pk else None
            dids.save_contact(account=self.account, contact=contact, **self.cleaned_data)
        except ValidationError as error:
            for field, told in error.message_dict.items():
                self.add_error(field if field in self.fields else None, told)
            return False
        return True


@require_http_methods(["GET", "POST"])
@login_required
def contacts(request: HttpRequest, contact_id: int | None = None) -> HttpResponse:
    """The phone book of the reader, with a form for one entry."""
    if request.user.is_staff:
        return redirect("admin:index")
    account = get_object_or_404(with_phones(request.user), pk=request.user.pk)
    mine = contacts_of(request.user).filter(account=account)
    contact = get_object_or_404(mine, pk=contact_id) if contact_id is not None else None
    if request.method == "POST" and "remove" in request.POST and contact is not None:
        dids.remove_contact(contact=contact)
        return redirect("portal_contacts")
    form = ContactForm(request.POST or None, instance=contact, account=account)
    if request.method == "POST" and form.is_valid() and form.store():
        return redirect("portal_contacts")
    context = {"contacts": mine.order_by("name", "id"), "form": form, "contact": contact}
    return render(request, "portal/contacts.html", context)
