"""Recordings: which there are, and their sound as a file (guide 6401-6405)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request

from apps.api import filters
from apps.api import serializers as shapes
from apps.api.paging import ByStart
from apps.api.permissions import Listen, OwnOrOffice
from apps.recordings.models import Recording
from apps.recordings.queries import audible_recordings, visible_recordings
from apps.recordings.views import sent


class RecordingViewSet(viewsets.ReadOnlyModelViewSet):
    """Recordings of calls. Each file that is taken leaves a note of who took it."""

    queryset = Recording.objects.none()
    serializer_class = shapes.RecordingSerializer
    permission_classes = [OwnOrOffice]
    pagination_class = ByStart
    filterset_class = filters.RecordingFilter

    def get_queryset(self) -> QuerySet[Recording]:
        seen = visible_recordings if self.action in {"list", "retrieve"} else audible_recordings
        return seen(self.request.user)

    @extend_schema(responses={(200, "audio/wav"): OpenApiTypes.BINARY})
    @action(detail=True, pagination_class=None, permission_classes=[Listen])
    def wav(self, request: Request, pk: str | None = None) -> Any:
        """The sound, the caller left and the called right."""
        return sent(request._request, self.get_object(), "wav")

    @extend_schema(responses={(200, "audio/mpeg"): OpenApiTypes.BINARY})
    @action(detail=True, pagination_class=None, permission_classes=[Listen])
    def mp3(self, request: Request, pk: str | None = None) -> Any:
        """The same, smaller."""
        return sent(request._request, self.get_object(), "mp3")
