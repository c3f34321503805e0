"""By which tariff an account pays, and for which calls, through the API: for staff, by their rights."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers, viewsets

from apps.api.filters import AssignmentFilter
from apps.api.paging import ById
from apps.api.permissions import Office
from apps.pricing import services
from apps.pricing.models import CONDITIONS, TariffAssignment


class TariffAssignmentSerializer(serializers.ModelSerializer):
    """A tariff given to an account, for calls that all conditions fit; what is left out holds for any call, always.

    `caller`: an account and all below it, or a trunk that brings calls. There is one for the same conditions from the same
    moment: writing another one takes its place.
    """

    class Meta:
        model = TariffAssignment
        fields = ["id", "account", "tariff", "kind", *CONDITIONS, "valid_from", "valid_until"]
        read_only_fields = ["kind"]
        validators: list[Any] = []  # the service replaces what is for the same

    def create(self, values: dict[str, Any]) -> TariffAssignment:
        return services.assign_tariff(**values)

    def update(self, assignment: TariffAssignment, values: dict[str, Any]) -> TariffAssignment:
        return services.change_assignment(assignment=assignment, **values)


class TariffAssignmentViewSet(viewsets.ModelViewSet):
    """Which accounts pay by which tariffs. `valid_at` finds those that hold at a moment."""

    queryset = TariffAssignment.objects.all()
    serializer_class = TariffAssignmentSerializer
    permission_classes = [Office]
    pagination_class = ById
    filterset_class = AssignmentFilter

    def perform_destroy(self, instance: TariffAssignment) -> None:
        services.remove_assignment(assignment=instance)
