from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VouchersApp(AppConfig):
    name = "apps.vouchers"
    label = "vouchers"
    verbose_name = _("Vouchers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register
        from apps.vouchers import services

        register(
            services.VOUCHERS,
            Kind("vouchers.add_batch", services.release_approved, services.reject_batch),
        )
