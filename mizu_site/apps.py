"""Makes this project's Celery app the default one in every process that loads Django."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "mizu_site"
    verbose_name = "Mizu"

    def ready(self) -> None:
        from mizu_site import celery  # noqa: F401
