from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NumbersApp(AppConfig):
    name = "apps.numbers"
    label = "numbers"
    verbose_name = _("Numbers")
    default_auto_field = "django.db.models.BigAutoField"
