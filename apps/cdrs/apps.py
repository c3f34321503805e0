from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CdrsApp(AppConfig):
    name = "apps.cdrs"
    label = "cdrs"
    verbose_name = _("Call detail records")
    default_auto_field = "django.db.models.BigAutoField"
