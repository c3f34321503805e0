from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

PRICE_LIST = "price_list"  # the kind of approval


class PricelistsApp(AppConfig):
    name = "apps.pricelists"
    label = "pricelists"
    verbose_name = _("Price lists")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register

        applying = "apps.pricelists.services.applying"
        kind = Kind("pricelists.apply_changeset", f"{applying}.apply_approved", f"{applying}.put_back")
        register(PRICE_LIST, kind)
