"""Addresses of the desk's pages, below /admin/desk/."""

from typing import Any

from django.contrib import admin
from django.urls import path

from apps.desk import overview, pins, tree, views


def _page(route: str, view: Any, name: str) -> Any:
    return path(route, admin.site.admin_view(view), name=f"admin_desk_{name}")


urlpatterns = [
    _page("new/", views.new, "new"),
    _page("open/", views.open_account, "open"),
    _page("generate/", views.generate_batch, "generate"),
    _page("batches/<int:pk>/sheet/", views.new_sheet, "sheet"),
    _page("import/", views.import_file, "import"),
    _page("import/apply/", views.apply_file, "apply"),
    _page("tree/", tree.tree, "tree"),
    _page("pin/<int:account_id>/", pins.give, "pin"),
    _page("analysis/<int:account_id>/", overview.analyse, "analysis"),
]
