from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PricingApp(AppConfig):
    name = "apps.pricing"
    label = "pricing"
    verbose_name = _("Pricing")
    default_auto_field = "django.db.models.BigAutoField"
