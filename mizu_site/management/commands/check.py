"""`manage.py check`: Django's, with the admin's pages, which no process loads before it needs an address."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.commands import check


class Command(check.Command):
    def handle(self, *labels: Any, **options: Any) -> None:
        """Look at everything; who asks for less gets less."""
        import_module(settings.ROOT_URLCONF)
        super().handle(*labels, **options)
