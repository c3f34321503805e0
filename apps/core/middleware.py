"""How strict the Content-Security-Policy is, by the part of the site that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.http import HttpRequest, HttpResponse

#: What the strict policy of the settings gives way to, by the beginning of the path. The admin theme's Alpine
#: evaluates the expressions in its attributes and sets style attributes; the API's manual sets styles.
RELAXED: Mapping[str, Mapping[str, list[Any]]] = {
    "/admin/": {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]},
    "/api/docs/": {"style-src": [SELF, UNSAFE_INLINE]},
}


class RelaxedPolicy:
    """Stands below django-csp's middleware, which reads what this one asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for beginning, policy in RELAXED.items():
            if request.path_info.startswith(beginning):
                response._csp_replace = dict(policy)  # type: ignore[attr-defined]
        return response
