from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicesApp(AppConfig):
    name = "apps.invoices"
    label = "invoices"
    verbose_name = _("Money")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.approvals.registry import Kind, register
        from apps.invoices.services import payments

        register(payments.PAYMENT, Kind("invoices.add_payment", payments.enter_approved))
