from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConfigApp(AppConfig):
    name = "apps.config"
    label = "config"
    verbose_name = _("Settings")
    default_auto_field = "django.db.models.BigAutoField"
