from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortalApp(AppConfig):
    name = "apps.portal"
    label = "portal"
    verbose_name = _("Portal")
    default_auto_field = "django.db.models.BigAutoField"
