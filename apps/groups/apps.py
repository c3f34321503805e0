from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GroupsApp(AppConfig):
    name = "apps.groups"
    label = "groups"
    verbose_name = _("Groups of accounts")
    default_auto_field = "django.db.models.BigAutoField"
