from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SignallingApp(AppConfig):
    name = "apps.signalling"
    label = "signalling"
    verbose_name = _("Signalling")
    default_auto_field = "django.db.models.BigAutoField"
