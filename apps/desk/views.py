"""The desk's pages in the admin: new accounts, many at once, from files. Analysis and tree have files of their own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from apps.core.admin import show
from apps.core.pdf import to_pdf
from apps.desk.columns import COLUMNS
from apps.desk.forms import BatchForm, FileForm, OpenForm
from apps.desk.models import Batch
from apps.desk.services import generate, open_like, open_start, print_sheet
from apps.desk.services.batches import Slip
from apps.desk.services.imports import Line, Outcome, carry_out, read
from apps.desk.starts import BY_KEY, STARTS
from apps.pricelists.reading import MOST_BYTES, BadFile
from apps.users.models import Account
from apps.users.rules import REGISTERING
from apps.users.services import new_password

MOST_LINES = 2000
"""Of a file in the browser; `manage.py import_accounts` takes any number."""
SHOWN = 200
PREVIEW_SECONDS = 3600


@require_GET
def new(request: HttpRequest) -> HttpResponse:
    """What a new account can begin as."""
    need(request, "users.add_account")
    starts = [start for start in STARTS if request.user.is_superuser or start.key not in ("admin", "support")]
    return page(request, "admin/desk/new.html", {"title": _("New account"), "starts": starts})


@never_cache
def open_account(request: HttpRequest) -> HttpResponse:
    """Open one as another is (`?copy=` id), or as one of the usual ones (`?start=` key)."""
    need(request, "users.add_account")
    source, start = _origin(request)
    if source is not None and not request.user.is_superuser and source.is_staff:
        raise PermissionDenied
    above = request.GET.get("below") or (source.parent.username if source and source.parent else "")
    form = OpenForm(request.POST or None, initial={"parent": above})
    context: dict[str, Any] = {
        "form": form,
        "source": source,
        "start": start,
        "button": _("Open the account"),
    }
    context["title"] = _("New account like %s") % source.username if source else start.title if start else ""
    context["back"] = (
        reverse("admin:users_account_change", args=[source.pk]) if source else reverse("admin_desk_new")
    )
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        passwords = _new_passwords(
            source.kind if source else start.kind if start else "", values.pop("passwords")
        )
        try:
            if source is not None:
                made = open_like(source=source, by=request.user, **values, **_given(passwords))
            else:
                assert start is not None
                made = open_start(start=start, by=request.user, **values, **_given(passwords))
        except ValidationError as error:
            show(form, error)
        else:
            return page(
                request,
                "admin/desk/opened.html",
                {"title": _("%s was opened") % made.username, "account": made, **passwords},
            )
    return page(request, "admin/desk/form.html", context, 422 if form.errors else 200)


def _origin(request: HttpRequest) -> tuple[Account | None, Any]:
    copied, start = request.GET.get("copy", ""), BY_KEY.get(request.GET.get("start", ""))
    if copied.isdigit():
        return get_object_or_404(Account.objects.select_related("parent"), pk=int(copied)), None
    if start is None:
        raise Http404
    return None, start


def _new_passwords(kind: str, wanted: bool) -> dict[str, str]:
    if not wanted:
        return {"password": "", "sip_password": ""}
    return {"password": new_password(12), "sip_password": new_password() if kind in REGISTERING else ""}


def _given(passwords: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in passwords.items() if text}


@never_cache
def generate_batch(request: HttpRequest) -> HttpResponse:
    """Make many accounts; the answer is the sheet with their passwords, and nothing shows them again."""
    need(request, "users.add_account")
    form = BatchForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            batch, slips = generate(by=request.user, **form.cleaned_data)
        except ValidationError as error:
            show(form, error)
        else:
            return _sheet(batch, slips)
    context = {
        "title": _("Many accounts at once"),
        "form": form,
        "button": _("Make them, and print the sheet"),
        "back": reverse("admin:desk_batch_changelist"),
        "note": _(
            "The answer is a PDF with the passwords: keep it, for nobody can print it again. "
            "A further sheet of the same batch has new passwords."
        ),
    }
    return page(request, "admin/desk/form.html", context, 422 if form.errors else 200)


@require_POST
@never_cache
def new_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """New passwords for a batch, on a new sheet."""
    need(request, "users.change_account")
    batch = get_object_or_404(Batch, pk=pk)
    try:
        return _sheet(batch, print_sheet(batch=batch, by=request.user))
    except ValidationError as error:
        raise PermissionDenied from error


def _sheet(batch: Batch, slips: list[Slip]) -> HttpResponse:
    context = {
        "batch": batch,
        "slips": slips,
        "now": timezone.now(),
        "web": batch.web,
        "sip": any(one.sip for one in slips),
        "pins": batch.pins,
    }
    response = HttpResponse(
        to_pdf(render_to_string("desk/sheet.html", context)), content_type="application/pdf"
    )
    response["Content-Disposition"] = f'attachment; filename="accounts-{batch.pk}.pdf"'
    return response


@never_cache
def import_file(request: HttpRequest) -> HttpResponse:
    """Take a file, and show what it would change.

    What was read goes to the browser and comes back signed: passwords that stand in the file are never stored here.
    """
    need(request, "users.add_account")
    need(request, "users.change_account")
    form = FileForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {
        "title": _("Accounts from a file"),
        "form": form,
        "columns": COLUMNS,
        "most": MOST_LINES,
    }
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            if file.size > MOST_BYTES:
                raise BadFile(_("the file is too large"))
            lines, unknown = read(file.read(), MOST_LINES)
        except BadFile as error:
            form.add_error(
                "file",
                _("Line %(line)d: %(why)s") % {"line": error.line, "why": error}
                if error.line
                else str(error),
            )
        else:
            outcome = carry_out(lines, by=request.user, apply=False)
            outcome.unknown = unknown
            return _preview(request, outcome, lines)
    return page(request, "admin/desk/import.html", context, 422 if form.errors else 200)


def _preview(request: HttpRequest, outcome: Outcome, lines: list[Line]) -> HttpResponse:
    packed = [(line.number, line.cells) for line in lines]
    context = {
        "title": _("What the file would change"),
        "outcome": outcome,
        "effects": outcome.effects[:SHOWN],
        "errors": outcome.errors[:SHOWN],
        "lines": "" if outcome.errors else signing.dumps(packed, salt=_salt(request), compress=True),
    }
    return page(request, "admin/desk/preview.html", context, 422 if outcome.errors else 200)


@require_POST
@never_cache
def apply_file(request: HttpRequest) -> HttpResponse:
    """Carry out what was seen. What has changed meanwhile is seen again: errors still change nothing."""
    need(request, "users.add_account")
    need(request, "users.change_account")
    try:
        packed = signing.loads(request.POST.get("lines", ""), salt=_salt(request), max_age=PREVIEW_SECONDS)
    except signing.BadSignature:
        context = {
            "title": _("Accounts from a file"),
            "form": FileForm(),
            "columns": COLUMNS,
            "most": MOST_LINES,
            "stale": True,
        }
        return page(request, "admin/desk/import.html", context, 422)
    lines = [Line(number, cells) for number, cells in packed]
    outcome = carry_out(lines, by=request.user, apply=True)
    if outcome.errors:
        return _preview(request, outcome, lines)
    return page(
        request, "admin/desk/imported.html", {"title": _("The file was taken in"), "outcome": outcome}
    )


def _salt(request: HttpRequest) -> str:
    """What was read for one person is applied by that person."""
    return f"apps.desk.import.{request.user.pk}"


def need(request: HttpRequest, right: str) -> None:
    """Raises PermissionDenied for who does not have the right."""
    if not request.user.has_perm(right):
        raise PermissionDenied


def page(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page within the admin's frame."""
    return render(request, template, admin.site.each_context(request) | context, status=status)
