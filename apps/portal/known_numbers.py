"""The portal's page of the numbers that somebody calls from, by which a dial-in knows the account (guide 2190)."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.users.models import Account
from apps.users.services import forget_number, note_number
from apps.users.services.known_numbers import KINDS


class NumberForm(forms.Form):
    number = forms.CharField(
        label=_("Number"), max_length=32, help_text=_("With the country code, such as +36 30 123 4567.")
    )

    def store(self, account: Account) -> bool:
        """Carry it out; what is refused stands beside the field."""
        try:
            note_number(account=account, by_itself=True, number=self.cleaned_data["number"])
        except ValidationError as error:
            self.add_error("number", error.messages)
            return False
        return True


@require_http_methods(["GET", "POST"])
@login_required
def numbers(request: HttpRequest) -> HttpResponse:
    """The reader's own numbers: one more, or one less."""
    account = request.user
    if account.is_staff:
        return redirect("admin:index")
    if account.kind not in KINDS:
        raise Http404
    forget = request.POST.get("forget", "")
    if forget:
        known = get_object_or_404(account.known_numbers, pk=int(forget) if forget.isdecimal() else 0)
        forget_number(known=known)
        messages.success(request, _("The number was removed."))
        return redirect("portal_calling_from")
    form = NumberForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and form.store(account):
        messages.success(request, _("The number was noted."))
        return redirect("portal_calling_from")
    context = {"form": form, "account": account, "numbers": account.known_numbers.all()}
    return render(request, "portal/calling_from.html", context)
