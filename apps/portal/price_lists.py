"""Price lists: what a customer pays by, and the lists that a reseller makes for those below it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from apps.portal.reselling import Carried, money, with_right
from apps.pricing.models import UNCONDITIONAL, Rate, Tariff, TariffKind, prefix_rule
from apps.pricing.queries import tariff_of
from apps.resellers import services
from apps.resellers.queries import cost_tariff, features_of, own_tariffs, rates_of, sources
from apps.users.models import Account
from apps.users.queries import setting_of

PER_PAGE = 50


@require_safe
@login_required
def own_prices(request: HttpRequest) -> HttpResponse:
    """What the reader pays for calls; a reseller what it pays for those of its customers."""
    if request.user.is_staff or not features_of(request.user)["feature_seeowntariffs"]:
        raise Http404
    pays = tariff_of(request.user, TariffKind.RETAIL), cost_tariff(request.user)
    text = _asked(request)
    lists = [one for one in dict.fromkeys(pays) if one is not None]
    chosen = next(
        (one for one in lists if str(one.pk) == request.GET.get("list")), lists[0] if lists else None
    )
    rows = _in_force(chosen, text) if chosen else Rate.objects.none()
    return render(request, "resellers/own_prices.html", {
        "surcharge": _surcharge(request.user, chosen),
        "lists": lists, "tariff": chosen, "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")), "q": text,
        "query": f"list={chosen.pk if chosen else ''}&q={text}&",
    })  # fmt: skip


def _surcharge(account: Account, tariff: Tariff | None) -> str:
    """What the account pays on top of the list's prices, per cent; "": nothing."""
    own = str(setting_of(account, "accountsurcharge"))
    pays = tariff is not None and (
        tariff.kind == TariffKind.RETAIL or setting_of(account, "accountsurcharge_resellers")
    )
    return own if pays and Decimal(own) else ""


def _in_force(tariff: Tariff, text: str) -> Any:
    """Prices that hold now or will; a number finds those whose prefix it begins with."""
    now = timezone.now()
    rows = rates_of(tariff).exclude(valid_until__lte=now)
    digits = text.lstrip("+")
    if digits.isdigit():
        return rows.filter(prefix__in=[digits[:length] for length in range(len(digits) + 1)]).order_by(
            "-prefix"
        )
    return rows.filter(destination__icontains=text) if text else rows


class NewListForm(Carried):
    """A list to begin with."""

    name = forms.CharField(label=_("Name"), max_length=128)
    kind = forms.ChoiceField(
        label=_("Who pays by it"),
        choices=[(TariffKind.RETAIL.value, _("customers")), (TariffKind.RESELLER.value, _("resellers"))],
    )
    source = forms.ChoiceField(label=_("Copy of"), required=False)
    percent = forms.DecimalField(
        label=_("Every price changed by, %"), max_digits=7, decimal_places=3, initial=0, required=False
    )

    def __init__(self, *args: Any, by: Account, **options: Any) -> None:
        super().__init__(*args, **options)
        self.by = by
        self.sources = {str(one.pk): one for one in sources(by)}
        self.fields["source"].choices = [
            ("", _("nothing: an empty list")),
            *((key, one.name) for key, one in self.sources.items()),
        ]

    def store(self) -> Tariff | None:
        data = self.cleaned_data
        return self.carry_out(
            lambda: services.create(
                by=self.by, name=data["name"], kind=data["kind"], source=self.sources.get(data["source"]),
                percent=data["percent"] or 0,
            )
        )  # fmt: skip


class BaseForm(Carried):
    """The list of everybody below who has none of their own."""

    base = forms.ModelChoiceField(Tariff.objects.none(), label=_("Base price list"), required=False)

    def __init__(self, *args: Any, by: Account, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["base"].queryset = own_tariffs(by).filter(kind=TariffKind.RETAIL)
        self.fields["base"].empty_label = str(_("that of the house"))


@with_right("tariffs")
def lists(request: HttpRequest) -> HttpResponse:
    """All lists of the reseller, and which one is the base."""
    given = request.user.tariffs.filter(kind=TariffKind.RETAIL, **UNCONDITIONAL).first()
    form = BaseForm(
        request.POST or None, by=request.user, initial={"base": given.tariff_id if given else None}
    )
    if (
        request.method == "POST"
        and form.is_valid()
        and form.carry_out(lambda: services.set_base(by=request.user, tariff=form.cleaned_data["base"]))
    ):
        messages.success(request, _("The base price list holds for calls from now on."))
        return redirect("portal_lists")
    found = own_tariffs(request.user).annotate(
        rate_count=Count("rates", distinct=True), payer_count=Count("assignments", distinct=True)
    )
    return render(request, "resellers/lists.html", {
        "lists": found.order_by("name"), "form": form, "features": features_of(request.user),
    })  # fmt: skip


@with_right("tariffs")
def new_list(request: HttpRequest) -> HttpResponse:
    """A list begun as a copy or empty."""
    if not features_of(request.user)["feature_createtariffs"]:
        raise Http404
    form = NewListForm(request.POST or None, by=request.user)
    if request.method == "POST" and form.is_valid():
        made = form.store()
        if made is not None:
            return redirect("portal_list", tariff_id=made.pk)
    return render(request, "resellers/form.html", {"form": form, "title": _("New price list")})


class PriceForm(Carried):
    """The price of one prefix."""

    prefix = forms.CharField(label=_("Prefix"), max_length=20, help_text=_("* is every number."))
    destination = forms.CharField(label=_("Destination"), max_length=128, required=False)
    price = money(label=_("Price per minute"))

    def clean_prefix(self) -> str:
        prefix = str(self.cleaned_data["prefix"]).removeprefix("+")
        if prefix != "*":
            prefix_rule(prefix)
        return prefix


class PercentForm(Carried):
    """All prices, or those of some prefixes, by per cent."""

    percent = forms.DecimalField(label=_("Change prices by, %"), max_digits=7, decimal_places=3)
    prefix = forms.CharField(label=_("of prefixes that begin with"), max_length=20, required=False)


@with_right("tariffs")
def price_list(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """One list: its prices, a new one, a change of all."""
    tariff = get_object_or_404(own_tariffs(request.user), pk=tariff_id)
    sent = request.POST or None
    what = request.POST.get("what")
    add = PriceForm(sent if what == "add" else None, auto_id="add_%s")
    percent = PercentForm(sent if what == "percent" else None, auto_id="percent_%s")
    if what == "add" and add.is_valid() and add.carry_out(
        lambda: services.set_price(by=request.user, tariff=tariff, **add.cleaned_data)
    ):  # fmt: skip
        messages.success(request, _("The price holds for calls from now on."))
        return redirect("portal_list", tariff_id=tariff.pk)
    if what == "percent" and percent.is_valid() and percent.carry_out(
        lambda: services.raise_prices(by=request.user, tariff=tariff, **percent.cleaned_data)
    ):  # fmt: skip
        messages.success(request, _("The prices hold for calls from now on."))
        return redirect("portal_list", tariff_id=tariff.pk)
    text = _asked(request)
    page = Paginator(rates_of(tariff, text), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "resellers/list.html", {
        "tariff": tariff, "page": page, "q": text, "query": f"q={text}&", "add": add, "percent": percent,
        "payers": tariff.assignments.select_related("account").order_by("account__username")[:50],
    })  # fmt: skip


class HeadForm(Carried, forms.ModelForm):
    """A list's head, as far as it is the reseller's."""

    class Meta:
        model = Tariff
        fields = (
            "name",
            "connect_fee",
            "first_increment",
            "next_increment",
            "minimum_seconds",
            "surcharge",
            "comment",
        )


@with_right("tariffs")
def head(request: HttpRequest, tariff_id: int) -> HttpResponse:
    """What holds for all prices of a list."""
    tariff = get_object_or_404(own_tariffs(request.user), pk=tariff_id)
    form = HeadForm(request.POST or None, instance=own_tariffs(request.user).get(pk=tariff.pk))
    if request.method == "POST" and form.is_valid():
        fields = {name: form.cleaned_data[name] for name in form.changed_data}
        if form.carry_out(lambda: services.change(by=request.user, tariff=tariff, **fields)):
            return redirect("portal_list", tariff_id=tariff.pk)
    return render(request, "resellers/form.html", {"form": form, "title": tariff.name})


class ChangePriceForm(Carried):
    """Another price for a prefix that has one."""

    destination = forms.CharField(label=_("Destination"), max_length=128, required=False)
    price = money(label=_("Price per minute"))
    remove = forms.BooleanField(label=_("Take it out of the list"), required=False)


@with_right("tariffs")
def price(request: HttpRequest, tariff_id: int, rate_id: int) -> HttpResponse:
    """One price, changed or taken out."""
    tariff = get_object_or_404(own_tariffs(request.user), pk=tariff_id)
    rate = get_object_or_404(Rate, tariff=tariff, pk=rate_id)
    form = ChangePriceForm(
        request.POST or None, initial={"price": rate.price, "destination": rate.destination}
    )
    if request.method == "POST" and form.is_valid():
        data = dict(form.cleaned_data)
        if form.carry_out(
            (lambda: services.remove_price(by=request.user, rate=rate))
            if data.pop("remove")
            else lambda: services.set_price(
                by=request.user, tariff=tariff, prefix=rate.prefix, rate=rate, **data
            )
        ):
            return redirect("portal_list", tariff_id=tariff.pk)
    return render(
        request, "resellers/form.html", {"form": form, "title": f"{tariff.name}: {rate.prefix or '*'}"}
    )


def _asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:64]
