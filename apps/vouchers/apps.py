from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

VOUCHERS = "vouchers"  # the kind of approval


class VouchersApp(AppConfig):
    name = "apps.vouchers"
    label = "vouchers"
    verbose_name = _("Vouchers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register

        services = "apps.vouchers.services"
        kind = Kind("vouchers.add_batch", f"{services}.release_approved", f"{services}.reject_batch")
        register(VOUCHERS, kind)
