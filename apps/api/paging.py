"""Lists are read page by page from a cursor: no page costs more than the first, and none repeats a row."""

from __future__ import annotations

from rest_framework.pagination import CursorPagination


class ById(CursorPagination):
    """Newest first, by key."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500


class ByStart(ById):
    """Newest call first."""

    ordering = ("-started_at", "-id")
