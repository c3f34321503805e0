from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PricingApp(AppConfig):
    name = "apps.pricing"
    label = "pricing"
    verbose_name = _("Pricing")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register
        from apps.pricing.services import reviewed

        register(reviewed.RATE, Kind("pricing.change_rate", reviewed.carry_out))
