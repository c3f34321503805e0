from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RecordingsApp(AppConfig):
    name = "apps.recordings"
    label = "recordings"
    verbose_name = _("Recordings")
    default_auto_field = "django.db.models.BigAutoField"
