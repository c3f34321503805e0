from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DidsApp(AppConfig):
    name = "apps.dids"
    label = "dids"
    verbose_name = _("Numbers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.users.opened import follow

        follow("apps.dids.services.signup.give_number")
