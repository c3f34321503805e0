from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApprovalsApp(AppConfig):
    name = "apps.approvals"
    label = "approvals"
    verbose_name = _("Approvals")
    default_auto_field = "django.db.models.BigAutoField"
