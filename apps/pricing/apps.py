from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

RATE = "rate"  # the kind of approval


class PricingApp(AppConfig):
    name = "apps.pricing"
    label = "pricing"
    verbose_name = _("Pricing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register

        register(RATE, Kind("pricing.change_rate", "apps.pricing.services.reviewed.carry_out"))
