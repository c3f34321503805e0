from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortabilityApp(AppConfig):
    name = "apps.portability"
    label = "portability"
    verbose_name = _("Number portability")
    default_auto_field = "django.db.models.BigAutoField"
