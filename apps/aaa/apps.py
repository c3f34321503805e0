from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AaaConfig(AppConfig):
    """Authentication, authorisation and accounting by servers of others."""

    name = "apps.aaa"
    verbose_name = _("Outside servers")
    default_auto_field = "django.db.models.BigAutoField"
