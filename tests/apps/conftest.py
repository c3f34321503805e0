"""What tests of the apps may lean on."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest


@pytest.fixture
def counted_anew(settings: Any) -> None:
    """Requests are counted from nothing (`ACCOUNT_RATE_LIMITS`): the counts in Redis outlive a test's transaction."""
    settings.CACHES = {"default": settings.CACHES["default"] | {"KEY_PREFIX": uuid4().hex}}
