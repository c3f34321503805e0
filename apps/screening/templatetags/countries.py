"""Countries on pages."""

from __future__ import annotations

from django import template

from apps.screening.countries import country_name
from apps.screening.models import CountryFile

register = template.Library()
register.filter("country", country_name)


@register.simple_tag
def broken_country_files() -> list[CountryFile]:
    """Those of nodes that cannot use their file."""
    return list(CountryFile.objects.exclude(error=""))
