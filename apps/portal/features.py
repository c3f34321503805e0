"""The portal's page of call features: forwards, do-not-disturb and the like, short numbers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from apps.pbx.models import ForwardKind
from apps.pbx.queries import accounts_of
from apps.pbx.services import SWITCHES, set_features
from apps.users.models import Account
from apps.users.queries import settings_of


class FeaturesForm(forms.Form):
    """What becomes of calls to an account."""

    always = forms.CharField(label=_("Forward all calls to"), required=False, max_length=64)
    busy = forms.CharField(label=_("Forward to, when busy"), required=False, max_length=64)
    no_answer = forms.CharField(label=_("Forward to, when nobody answers"), required=False, max_length=64)
    seconds = forms.IntegerField(
        label=_("… after so many seconds"),
        required=False,
        min_value=0,
        max_value=600,
        help_text=_("0: as your provider has set it."),
    )
    unreachable = forms.CharField(label=_("Forward to, when no phone is on"), required=False, max_length=64)
    donotdisturb = forms.BooleanField(label=_("Do not disturb"), required=False)
    rejectanonymous = forms.BooleanField(label=_("Refuse calls without a number"), required=False)
    callwaiting = forms.BooleanField(label=_("Let a second call ring during a call"), required=False)
    speed_dials = forms.CharField(
        label=_("Short numbers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("One in each line: short number, number, name."),
    )

    def clean_speed_dials(self) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for line in self.cleaned_data["speed_dials"].splitlines():
            code, _space, rest = line.strip().partition(" ")
            number, _space, name = rest.strip().partition(" ")
            if code and not number:
                raise ValidationError(_("A line needs a short number and a number."))
            if code:
                found[code] = (number, name.strip())
        return found

    def store(self, account: Account) -> bool:
        """Carry it out; what is refused stands beside the field."""
        data = self.cleaned_data
        seconds = {ForwardKind.NO_ANSWER.value: data["seconds"] or 0}
        try:
            set_features(
                account=account,
                forwards={kind: (data[kind], seconds.get(kind, 0)) for kind in ForwardKind.values},
                switches={key: data[key] for key in SWITCHES},
                speed_dials=data["speed_dials"],
            )
        except ValidationError as error:
            self.add_error(None, error.messages)
            return False
        return True


def _initial(account: Account) -> dict[str, Any]:
    effective = {one.definition.key: one.value for one in settings_of(account)}
    forwards = {one.kind: one for one in account.forwards.filter(enabled=True)}
    no_answer = forwards.get(ForwardKind.NO_ANSWER.value)
    dials = account.speed_dials.order_by("code")
    return {
        **{kind: one.number for kind, one in forwards.items()},
        **{key: effective[key] for key in SWITCHES},
        "seconds": no_answer.seconds if no_answer else 0,
        "speed_dials": "\n".join(f"{one.code} {one.number} {one.name}".strip() for one in dials),
    }


@require_http_methods(["GET", "POST"])
@login_required
def features(request: HttpRequest, account_id: int | None = None) -> HttpResponse:
    """Forwards and wishes of the reader's own account, or of one below it."""
    if request.user.is_staff:
        return redirect("admin:index")
    account = get_object_or_404(accounts_of(request.user), pk=account_id or request.user.pk)
    form = FeaturesForm(request.POST or None, initial=_initial(account))
    if request.method == "POST" and form.is_valid() and form.store(account):
        messages.success(request, _("Your call features are in force."))
        return redirect(request.path)
    return render(request, "portal/features.html", {"form": form, "account": account})
