from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from apps.users.rights import grant_support


class UsersApp(AppConfig):
    name = "apps.users"
    label = "users"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(grant_support, dispatch_uid="rights of the support staff")
