from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ResellersApp(AppConfig):
    name = "apps.resellers"
    label = "resellers"
    verbose_name = _("Resellers")
    default_auto_field = "django.db.models.BigAutoField"
