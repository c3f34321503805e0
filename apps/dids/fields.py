"""Fields of forms for numbers as people write them."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.dids.services.contacts import tidy


class NumberField(forms.CharField):
    """A telephone number without what people put between its digits."""

    def to_python(self, value: Any) -> Any:
        return tidy(super().to_python(value))
