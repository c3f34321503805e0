"""What every page of the admin has in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Model, TextField
from django.forms.models import InlineForeignKeyField
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget


class EstimatePaginator(Paginator):
    """Counts a large unfiltered table by PostgreSQL's own estimate: an exact count of a hundred million rows takes minutes."""

    LARGE = 50_000

    @cached_property
    def count(self) -> int:
        query = getattr(self.object_list, "query", None)
        if query is None or query.where:
            return int(super().count)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COALESCE(SUM(c.reltuples), 0)::bigint FROM pg_class c"
                " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
                " WHERE (c.oid = %s::regclass OR i.inhparent = %s::regclass) AND c.reltuples > 0",
                [query.model._meta.db_table] * 2,
            )
            estimate = int(cursor.fetchone()[0])
        return estimate if estimate > self.LARGE else int(super().count)


class ServiceForm(forms.ModelForm):
    """A form whose save is one of the office's services.

    The service is rehearsed while the form is checked, in a transaction that is rolled back, so that whatever it
    refuses stands beside the field that is wrong; saving then carries it out.
    """

    def carry_out(self) -> Any:
        """Call the service with the cleaned data and return what it made. Raises ValidationError."""
        raise TypeError(f"{type(self).__name__} does not say which service it calls.")

    def row(self) -> dict[str, Any]:
        """The cleaned values of the model's fields, without its own key and that of the object above, which an inline adds."""
        columns = {column.name for column in self._meta.model._meta.fields if not column.primary_key}
        own = {name for name, field in self.fields.items() if not isinstance(field, InlineForeignKeyField)}
        return {name: self.cleaned_data[name] for name in columns & own if name in self.cleaned_data}

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors or not self.has_changed() or self.cleaned_data.get("DELETE"):
            return
        try:
            with transaction.atomic():
                self.carry_out()
                transaction.set_rollback(True)
        except ValidationError as error:
            show(self, error)


def show(form: forms.BaseForm, error: ValidationError, otherwise: str | None = None) -> None:
    """Put what a service refused beside the fields that it names; what names none of the form's, to `otherwise`."""
    found = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.error_list}
    for field, messages in found.items():
        form.add_error(field if field in form.fields else otherwise, messages)


def right(name: str) -> Any:
    """A `has_…_permission` method of an admin: whether the user has this right.

    The theme can be told rights by their names as well, but then it looks for them in the database while the code
    is checked, where there may be none.
    """

    def has_permission(self: Any, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm(name))

    return has_permission


def save_rows(formset: Any) -> None:
    """Save an inline's rows, each by its own service; what was marked for removal is removed."""
    formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
    for row in formset.forms:
        if row in formset.deleted_forms:
            if row.instance.pk:
                row.instance.delete()
                formset.deleted_objects.append(row.instance)
        elif row.has_changed():
            formset.changed_objects.append((row.carry_out(), row.changed_data))


class OfficeAdmin(ModelAdmin):
    """A list that stays fast however long the table grows, and a form that warns before unsaved work is lost."""

    paginator = EstimatePaginator
    show_full_result_count = False
    list_per_page = 50
    warn_unsaved_form = True
    compressed_fields = True
    list_filter_submit = True
    formfield_overrides = {TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}}

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if not isinstance(form, ServiceForm):
            return super().save_model(request, obj, form, change)
        obj.pk = form.carry_out().pk
        obj._state.adding = False
        return obj.refresh_from_db()  # the service may have written more than the form held

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if issubclass(formset.form, ServiceForm):
            return save_rows(formset)
        return super().save_formset(request, form, formset, change)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        if issubclass(self.form, ServiceForm):  # what is edited in the list goes through the service too
            kwargs.setdefault("form", self.form)
        return super().get_changelist_form(request, **kwargs)


class ReadOnly:
    """What was recorded can be read, never written."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class OfficeInline(TabularInline):
    """Rows that belong to the object above them."""

    extra = 0
    show_change_link = False
    hide_title = True


class ReadOnlyInline(ReadOnly, OfficeInline):
    """Rows that belong to the object above and were recorded with it."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.fields or [field.name for field in self.model._meta.fields]
