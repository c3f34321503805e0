"""HTML → PDF, with nothing loaded from elsewhere."""

from __future__ import annotations

import logging
from typing import Any


def to_pdf(page: str) -> bytes:
    """The page as PDF. Raises ValueError when it names anything outside itself."""
    logging.getLogger("weasyprint").setLevel(logging.WARNING)  # it tells every step otherwise
    from weasyprint import HTML  # 1.3 s to load: only where a PDF is made

    return bytes(HTML(string=page, base_url=None, url_fetcher=_no_fetching).write_pdf())


def _no_fetching(url: str, *_args: Any, **_kwargs: Any) -> Any:
    raise ValueError(f"A document loads nothing from elsewhere, and not {url}.")
