"""A price list's pages in the admin: upload, columns, what it changes, and the buttons. `ChangeSetAdmin` gives them their addresses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from apps.config import queries as config
from apps.core.admin import show
from apps.pricelists import services
from apps.pricelists.calculator import calculate
from apps.pricelists.comparison import MOST_TARIFFS, compare
from apps.pricelists.errors import ListError
from apps.pricelists.forms import CalculatorForm, CompareForm, LayoutForm, SwapForm, UploadForm
from apps.pricelists.models import BUSY, OPEN, ChangeKind, ChangeSet, State
from apps.pricelists.queries import changes_of
from apps.pricelists.replay import DAYS
from apps.pricelists.services.notices import customers_of
from apps.pricelists.whatif import what_if
from apps.pricing.errors import NotConvertible
from apps.pricing.models import Tariff, TariffKind

PER_PAGE = 100
SHOWN_ERRORS = 200
SWAPS = 3
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def upload(request: HttpRequest) -> HttpResponse:
    """Take a file in, and go on to its columns."""
    _need(request, "add_changeset")
    tariff = request.GET.get("tariff", "")
    form = UploadForm(request.POST or None, request.FILES or None, initial={"tariff": tariff})
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = services.upload(
                tariff=form.cleaned_data["tariff"], file_name=file.name, data=file.read(), by=request.user
            )
        except ListError as error:
            form.add_error("file", str(error))
        else:
            _note(request, made, _("Uploaded %s.") % made.file_name)
            return _to(made)
    back = f"admin:pricing_tariff_{'change' if tariff.isdigit() else 'changelist'}"
    context = {
        "title": _("Upload a carrier's price list"),
        "form": form,
        "button": _("Upload"),
        "back": reverse(back, args=[tariff] if tariff.isdigit() else []),
    }
    return _page(request, "admin/pricing/import.html", context, 422 if form.errors else 200)


def show_list(request: HttpRequest, object_id: str) -> HttpResponse:
    """A list in whatever state it is; while it is being read, the page asks again by itself."""
    _need(request, "view_changeset")
    found = _found(object_id)
    context = {"title": str(found), "change_set": found, "may_apply": request.user.has_perm("pricelists.apply_changeset"),
               "errors": found.errors[:SHOWN_ERRORS]}  # fmt: skip
    if found.state in BUSY:
        if request.htmx:
            return HttpResponse(status=204)
        return _page(request, "admin/pricelists/reading.html", context)
    if request.htmx:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if found.state in (State.UPLOADED, State.REFUSED):
        return redirect("admin:pricelists_changeset_columns", found.pk)
    return _page(request, "admin/pricelists/list.html", context | _preview(request, found))


def _preview(request: HttpRequest, found: ChangeSet) -> dict[str, Any]:
    kind, text = request.GET.get("kind", ""), request.GET.get("q", "")[:64]
    pages = Paginator(changes_of(found, kind=kind, text=text), PER_PAGE)
    counts = [(one, one.label, found.summary.get(one.value, 0)) for one in ChangeKind]
    return {
        "page": pages.get_page(request.GET.get("page")),
        "kind": kind,
        "q": text,
        "counts": counts,
        "attention": found.summary.get("attention", 0),
        "is_open": found.state in OPEN,
        "customers": sum(1 for _one in customers_of(found.tariff)) if found.state == State.READY else 0,
        "told": found.notices.exclude(mailed_at=None).count(),
        "notices": found.notices.count(),
    }


def columns(request: HttpRequest, object_id: str) -> HttpResponse:
    """Which column means what, with the first rows of the file to judge by."""
    _need(request, "change_changeset")
    found = _found(object_id)
    if found.state not in OPEN:
        return _to(found)
    first = services.look(found)
    form = LayoutForm(request.POST or None, change_set=found, first=first)
    if request.method == "POST" and form.is_valid():
        try:
            if "again" in request.POST:
                services.open_again(change_set=found, **form.way())
                return redirect("admin:pricelists_changeset_columns", found.pk)
            services.choose(change_set=found, **form.chosen())
            services.begin_staging(change_set=found)
            return _to(found)
        except ValidationError as error:
            show(form, error)
        except ListError as error:
            form.add_error(None, str(error))
    context = {
        "title": _("Columns of %s") % found.file_name,
        "change_set": found,
        "form": form,
        "first": first,
        "errors": found.errors[:SHOWN_ERRORS]
        if found.state == State.REFUSED and request.method == "GET"
        else [],
    }
    return _page(request, "admin/pricelists/columns.html", context, 422 if form.errors else 200)


def act(request: HttpRequest, object_id: str, what: str) -> HttpResponse:
    """One of the buttons. Always a POST: nothing happens by following a link."""
    right, verb = ACTIONS[what]
    _need(request, right)
    found = _found(object_id)
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    try:
        done = verb(found, request)
    except ListError as error:
        messages.error(request, str(error))
    else:
        _note(request, found, done)
        messages.success(request, done)
    return _to(found)


def _apply(found: ChangeSet, request: HttpRequest) -> str:
    tells = "tell" in request.POST
    begun = services.begin_applying(change_set=found, by=request.user, tells_customers=tells)
    if begun.state == State.WAITING:
        return _("The price list waits for a second person.")
    return _("The price list is being applied.")


def _undo(found: ChangeSet, request: HttpRequest) -> str:
    services.begin_undoing(change_set=found, by=request.user)
    return _("The price list is being undone.")


def _discard(found: ChangeSet, request: HttpRequest) -> str:
    services.discard(change_set=found)
    return _("The price list was discarded.")


def _compare_again(found: ChangeSet, request: HttpRequest) -> str:
    services.begin_staging(change_set=found)
    return _("The price list is compared with the tariff.")


def _stop(found: ChangeSet, request: HttpRequest) -> str:
    services.stop_staging(change_set=found)
    return _("Reading was stopped.")


def export_changes(request: HttpRequest, object_id: str, kind: str) -> HttpResponse:
    """What a list changes, as a file."""
    _need(request, "view_changeset")
    found = _found(object_id)
    return _file(services.change_rows(found), kind, f"changes-{found.pk}")


def export_rates(request: HttpRequest, tariff_id: str, kind: str) -> HttpResponse:
    """A tariff's list, as a file."""
    if not request.user.has_perm("pricing.view_rate"):
        raise PermissionDenied
    tariff = get_object_or_404(Tariff, pk=tariff_id)
    return _file(services.rate_rows(tariff), kind, f"tariff-{tariff.pk}")


def _file(table: services.Table, kind: str, name: str) -> HttpResponse:
    data = services.as_csv(table) if kind == "csv" else services.as_xlsx(table, name)
    response = HttpResponse(data, content_type="text/csv; charset=utf-8" if kind == "csv" else XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


#: Button → right, and what it does; its answer is shown and written into the history.
ACTIONS: dict[str, tuple[str, Callable[[ChangeSet, HttpRequest], str]]] = {
    "apply": ("apply_changeset", _apply),
    "undo": ("apply_changeset", _undo),
    "discard": ("change_changeset", _discard),
    "compare": ("change_changeset", _compare_again),
    "stop": ("change_changeset", _stop),
}


@require_GET
def compare_tariffs(request: HttpRequest) -> HttpResponse:
    """Tariffs side by side by destination; without a choice the carriers' against the first retail one."""
    if not request.user.has_perm("pricing.view_rate"):
        raise PermissionDenied
    form = CompareForm(
        request.GET if "tariffs" in request.GET else {**_usual(), "q": request.GET.get("q", "")}
    )
    context: dict[str, Any] = {"title": _("Compare prices"), "form": form}
    if form.is_valid():
        tariffs, reference = list(form.cleaned_data["tariffs"]), form.cleaned_data["reference"]
        text, after = form.cleaned_data["q"].strip(), form.cleaned_data["after"]
        query = form.data.copy() if hasattr(form.data, "urlencode") else QueryDict(mutable=True)
        if not query:
            for one in tariffs:
                query.appendlist("tariffs", str(one.pk))
            query["reference"], query["q"] = str(reference.pk) if reference else "", text
        sheet = compare(tariffs, reference, text=text, after=after)
        query["after"] = sheet.after
        context |= {"tariffs": tariffs, "reference": reference, "sheet": sheet, "next": query.urlencode()}
    return _page(
        request, "admin/pricelists/compare.html", context | {"opts": None}, 422 if form.errors else 200
    )


def _usual() -> dict[str, Any]:
    """What is compared before anybody has chosen: some carriers with the first retail tariff."""
    kinds = Tariff.objects.order_by("name").values_list("pk", "kind")
    carriers = [pk for pk, kind in kinds if kind == TariffKind.CARRIER][:MOST_TARIFFS]
    return {
        "tariffs": carriers,
        "reference": next((pk for pk, kind in kinds if kind == TariffKind.RETAIL), ""),
    }


@require_GET
def what_if_page(request: HttpRequest) -> HttpResponse:
    """The calls of the last days with some tariffs exchanged."""
    if not (request.user.has_perm("pricing.view_rate") and request.user.has_perm("cdrs.view_cdr")):
        raise PermissionDenied
    asked = "0-tariff" in request.GET
    forms = [SwapForm(request.GET if asked else None, prefix=str(number)) for number in range(SWAPS)]
    context: dict[str, Any] = {
        "title": _("What if"),
        "forms": forms,
        "opts": None,
        "currency": config.get("currency"),
    }
    if asked and all(form.is_valid() for form in forms):
        swaps = [swap for form in forms if (swap := form.swap())]
        until = timezone.now()
        try:
            context["outcome"] = what_if(swaps, until - timedelta(days=DAYS), until)
        except (ValidationError, NotConvertible) as error:
            context["error"] = " ".join(getattr(error, "messages", [str(error)]))
    bad = "error" in context or any(form.errors for form in forms)
    return _page(request, "admin/pricelists/what_if.html", context, 422 if bad else 200)


@require_GET
def calculator(request: HttpRequest) -> HttpResponse:
    """Calls of chosen days and destinations at one price, beside what was recorded."""
    if not (request.user.has_perm("pricing.view_rate") and request.user.has_perm("cdrs.view_cdr")):
        raise PermissionDenied
    today = timezone.localdate()
    form = CalculatorForm(
        request.GET if "price" in request.GET else None,
        initial={"first_day": today.replace(day=1), "last_day": today},
    )
    context: dict[str, Any] = {
        "title": _("Calculator"),
        "form": form,
        "currency": config.get("currency"),
        "opts": None,
    }
    if form.is_bound and form.is_valid():
        asked = dict(form.cleaned_data)
        first, last = asked.pop("first_day"), asked.pop("last_day") + timedelta(days=1)
        zone = timezone.get_current_timezone()
        span = {
            name: datetime.combine(day, time.min, zone) for name, day in (("since", first), ("until", last))
        }
        context["sums"] = calculate(**asked | span | {"connect_fee": asked["connect_fee"] or Decimal(0)})
    return _page(request, "admin/pricelists/calculator.html", context, 422 if form.errors else 200)


def _need(request: HttpRequest, right: str) -> None:
    if not request.user.has_perm(f"pricelists.{right}"):
        raise PermissionDenied


def _found(object_id: str) -> ChangeSet:
    if not str(object_id).isdigit():
        raise Http404
    known = ChangeSet.objects.defer("data").select_related("tariff", "created_by", "applied_by", "undone_by")
    return get_object_or_404(known, pk=object_id)


def _to(found: ChangeSet) -> HttpResponse:
    return redirect("admin:pricelists_changeset_change", found.pk)


def _note(request: HttpRequest, found: ChangeSet, text: str) -> None:
    """Who did it stands in the history of the list and of its tariff."""
    site = admin.site
    site._registry[ChangeSet].log_change(request, found, text)
    site._registry[Tariff].log_change(request, found.tariff, f"{found.file_name}: {text}")


def _page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    common = admin.site.each_context(request) | {"opts": ChangeSet._meta}
    return render(request, template, common | context, status=status)
