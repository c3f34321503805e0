from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CallshopApp(AppConfig):
    name = "apps.callshop"
    label = "callshop"
    verbose_name = _("Callshop")
    default_auto_field = "django.db.models.BigAutoField"
