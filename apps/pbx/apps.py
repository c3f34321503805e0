from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PbxApp(AppConfig):
    name = "apps.pbx"
    label = "pbx"
    verbose_name = _("Call features")
    default_auto_field = "django.db.models.BigAutoField"
