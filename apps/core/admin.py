"""What every page of the admin has in common."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin, TabularInline


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


class OfficeAdmin(ModelAdmin):
    """A list that stays fast however long the table grows, and a form that warns before unsaved work is lost."""

    paginator = EstimatePaginator
    show_full_result_count = False
    list_per_page = 50
    warn_unsaved_form = True
    compressed_fields = True
    list_filter_submit = True


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
    show_change_link = True


class ReadOnlyInline(ReadOnly, OfficeInline):
    """Rows that belong to the object above and were recorded with it."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.fields or [field.name for field in self.model._meta.fields]
