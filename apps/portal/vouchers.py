"""Vouchers in the portal: anybody with a balance redeems codes, resellers make batches of their own."""

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
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.formats import money as amount_text
from apps.portal.reselling import Carried, money
from apps.vouchers import services
from apps.vouchers.models import MOST_CODES, Batch
from apps.vouchers.printing import response
from apps.vouchers.queries import may_issue, may_redeem, with_counts

View = Callable[..., HttpResponse]
PER_PAGE = 25


class CodeForm(Carried):
    code = forms.CharField(
        label=_("Code"),
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )


@require_http_methods(["GET", "POST"])
@login_required
def redeem(request: HttpRequest) -> HttpResponse:
    """A code typed in becomes credit."""
    if request.user.is_staff or not may_redeem(request.user):
        raise Http404
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        payment = form.carry_out(
            lambda: services.redeem(account=request.user, code=form.cleaned_data["code"])
        )
        if payment is not None:
            messages.success(
                request,
                _("%(amount)s is on your balance.")
                % {"amount": amount_text(payment.amount, payment.currency)},
            )
            return redirect("portal_ledger")
    return render(request, "vouchers/redeem.html", {"form": form})


def for_issuers(view: View) -> View:
    """Whoever makes no vouchers finds nothing here."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if request.user.is_staff or not may_issue(request.user):
            raise Http404
        return view(request, *args, **options)

    return page


class BatchForm(Carried):
    name = forms.CharField(label=_("Name"), max_length=64)
    value = money(label=_("Value of each"))
    count = forms.IntegerField(label=_("How many"), min_value=1, max_value=MOST_CODES)
    valid_until = forms.DateTimeField(
        label=_("Valid until"), required=False, widget=forms.DateTimeInput(attrs={"type": "date"})
    )


@require_http_methods(["GET", "POST"])
@for_issuers
def batches(request: HttpRequest) -> HttpResponse:
    """The reseller's batches, and a new one."""
    form = BatchForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and form.carry_out(
        lambda: services.open_batch(by=request.user, **form.cleaned_data)
    ):  # fmt: skip
        messages.success(request, _("The batch can be printed now, once."))
        return redirect("portal_batches")
    rows = with_counts(Batch.objects.filter(issuer=request.user))
    page = Paginator(rows.order_by("-id"), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "vouchers/batches.html", {"page": page, "form": form})


@require_POST
@for_issuers
def print_batch(request: HttpRequest, batch_id: int, form: str) -> HttpResponse:
    """The codes, once."""
    batch = get_object_or_404(Batch, issuer=request.user, pk=batch_id)
    try:
        codes = services.print_codes(batch=batch, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("portal_batches")
    return response(batch, codes, form)


@require_POST
@for_issuers
def cancel_batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """What is left of a batch becomes worthless."""
    batch = get_object_or_404(Batch, issuer=request.user, pk=batch_id)
    gone = services.cancel(batch=batch, by=request.user)
    messages.success(request, _("%(count)d vouchers are worth nothing any more.") % {"count": gone})
    return redirect("portal_batches")
