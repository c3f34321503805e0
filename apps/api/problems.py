"""Errors as problem details (RFC 9457), whatever part of the office raised them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, IntegrityError
from django.db.models import ProtectedError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import exception_handler

from apps.cdrs.live import LiveCallsUnavailable, NoSuchCall
from apps.invoices.services.issuing import CannotIssue
from apps.invoices.services.rerating import CannotRerate
from apps.pricing.errors import ImportRefused, PricingError
from apps.users.live import NoSuchPhone, SwitchUnavailable


class Conflict(exceptions.APIException):
    """The request cannot be carried out as things stand."""

    status_code = 409
    default_detail = "The request conflicts with what is there already."
    default_code = "conflict"


class Unavailable(exceptions.APIException):
    """Something that the answer needs does not respond."""

    status_code = 503
    default_detail = "The switch cannot be reached."
    default_code = "unavailable"


def problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: known errors of the services become 4xx, everything takes the same shape."""
    response = exception_handler(_translated(error), context)
    if response is None:
        return None
    detail = response.data if isinstance(response.data, dict) else {"detail": response.data}
    text = detail.pop("detail", None)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": response.status_text,
        "status": response.status_code,
    }
    if text:
        body["detail"] = str(text)
    if isinstance(error, ImportRefused):
        detail = {"lines": [{"line": line, "message": text} for line, text in error.errors[:1000]]}
    if detail:
        body["errors"] = detail
    response.data = body
    response.content_type = "application/problem+json"
    return response


def _translated(error: Exception) -> Exception:
    match error:
        case DjangoValidationError():
            return exceptions.ValidationError(as_serializer_error(error))
        case ImportRefused():
            return exceptions.ValidationError("The file has bad lines; nothing was changed.")
        case DataError():  # a moment or number that PostgreSQL cannot hold
            return exceptions.ValidationError("A value is out of range.")
        case CannotIssue() | CannotRerate() | PricingError():
            return Conflict(str(error))
        case ProtectedError() | IntegrityError():
            return Conflict()
        case NoSuchCall():
            return exceptions.NotFound("That call is not up.")
        case NoSuchPhone():
            return exceptions.NotFound("That phone is not registered.")
        case LiveCallsUnavailable() | SwitchUnavailable():
            return Unavailable()
    return error
