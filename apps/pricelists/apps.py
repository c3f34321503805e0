from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PricelistsApp(AppConfig):
    name = "apps.pricelists"
    label = "pricelists"
    verbose_name = _("Price lists")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register
        from apps.pricelists.services import applying

        right = "pricelists.apply_changeset"
        register(applying.PRICE_LIST, Kind(right, applying.apply_approved, applying.put_back))
