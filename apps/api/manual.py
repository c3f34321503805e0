"""The API's own description, which the manual shows (OpenAPI 3)."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView


class KeptSchema(SchemaGenerator):
    """It is the same for everybody who may read it, and to work it out takes a second."""

    def get_schema(self, request: Any = None, public: bool = False) -> Any:
        return _schema(translation.get_language())


class SchemaView(SpectacularAPIView):
    generator_class = KeptSchema


@cache
def _schema(language: str) -> Any:
    with translation.override(language):
        return SchemaGenerator().get_schema(public=True)
