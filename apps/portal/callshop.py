"""The callshop's pages: cabins with what they owe, adding and changing them, closing with a receipt. Only for its owner."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.callshop import queries, services
from apps.callshop.pdf import render as render_pdf
from apps.cdrs.live import LiveCallsUnavailable
from apps.users.models import Account, username_rule

View = Callable[..., HttpResponse]
PER_PAGE = 25


def for_owners(view: View) -> View:
    """Whoever keeps no callshop finds nothing here."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if not queries.keeps_callshop(request.user):
            raise Http404
        return view(request, *args, **options)

    return page


class CabinForm(forms.Form):
    """A cabin; the user name is given once."""

    username = forms.CharField(label=_("User name"), max_length=64, validators=[username_rule])
    name = forms.CharField(label=_("Name"), max_length=128)
    password = forms.CharField(
        label=_("Password of its phone"),
        max_length=64,
        required=False,
        widget=forms.PasswordInput,
        help_text=_("Leave it empty to keep the one that it has."),
    )
    is_active = forms.BooleanField(label=_("May call"), required=False, initial=True)

    def __init__(self, *args: Any, cabin: Account | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.cabin = cabin
        if cabin is not None:
            del self.fields["username"]
        else:
            del self.fields["is_active"]
            self.fields["password"].required = True
            self.fields["password"].help_text = ""

    def store(self, owner: Account) -> bool:
        """Carry it out; what is refused stands in the form."""
        data = self.cleaned_data
        try:
            if self.cabin is None:
                services.add_cabin(owner=owner, **data)
            else:
                services.change_cabin(owner=owner, cabin=self.cabin, **data)
        except ValidationError as error:
            self.add_error(None, error.messages)
            return False
        return True


@require_safe
@for_owners
def cabins(request: HttpRequest) -> HttpResponse:
    """All cabins, and the last receipts."""
    context = _states(request) | {"receipts": queries.receipts(request.user)[:8]}
    return render(request, "callshop/cabins.html", context)


@require_safe
@for_owners
def cabins_now(request: HttpRequest) -> HttpResponse:
    """What the page asks for every few seconds."""
    return render(request, "callshop/cabins_now.html", _states(request))


def _states(request: HttpRequest) -> dict[str, Any]:
    try:
        return {"states": queries.states(request.user, timezone.now())}
    except LiveCallsUnavailable:
        return {"states": None}


@require_http_methods(["GET", "POST"])
@for_owners
def cabin(request: HttpRequest, cabin_id: int | None = None) -> HttpResponse:
    """A new cabin, or one to change."""
    found = get_object_or_404(queries.cabins(request.user), pk=cabin_id) if cabin_id else None
    initial = {"name": found.display_name, "is_active": found.is_active} if found else None
    form = CabinForm(request.POST or None, cabin=found, initial=initial)
    if request.method == "POST" and form.is_valid() and form.store(request.user):
        messages.success(request, _("The cabin was saved."))
        return redirect("portal_callshop")
    return render(request, "callshop/cabin.html", {"form": form, "cabin": found})


@require_POST
@for_owners
def close(request: HttpRequest, cabin_id: int) -> HttpResponse:
    """The guest pays: write the receipt, and show it."""
    found = get_object_or_404(queries.cabins(request.user), pk=cabin_id)
    try:
        receipt = services.close(owner=request.user, cabin=found, now=timezone.now())
    except services.CannotClose as error:
        messages.error(request, str(error))
    except LiveCallsUnavailable:
        messages.error(request, _("Current calls cannot be seen at the moment; try again."))
    else:
        return redirect("portal_receipt", receipt_id=receipt.pk)
    return redirect("portal_callshop")


@require_safe
@for_owners
def receipts(request: HttpRequest) -> HttpResponse:
    """All receipts."""
    page = Paginator(queries.receipts(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "callshop/receipts.html", {"page": page})


@require_safe
@for_owners
def receipt(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """One receipt as it stands, to be printed."""
    found = get_object_or_404(queries.receipts(request.user), pk=receipt_id)
    return render(request, "callshop/receipt_page.html", {"receipt": found, "lines": found.lines.all()})


@require_safe
@for_owners
def receipt_pdf(request: HttpRequest, receipt_id: int) -> HttpResponse:
    """The same for the printer."""
    found = get_object_or_404(queries.receipts(request.user), pk=receipt_id)
    response = HttpResponse(render_pdf(found), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="receipt-{found.number}.pdf"'
    return response
