from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

PAYMENT = "payment"  # the kind of approval


class InvoicesApp(AppConfig):
    name = "apps.invoices"
    label = "invoices"
    verbose_name = _("Money")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register

        enter = "apps.invoices.services.payments.enter_approved"
        register(PAYMENT, Kind("invoices.add_payment", enter))
