"""The values that an operator gave to settings; what settings there are stands in `registry.py`."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Setting(models.Model):
    """A value that differs from the default, for all nodes or for one. The key is the guide's, in lower case."""

    key = models.CharField(_("key"), max_length=64)
    node = models.CharField(_("node"), max_length=64, blank=True, help_text=_("Empty: every node."))
    value = models.TextField(_("value"), blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("setting")
        verbose_name_plural = _("settings")
        ordering = ["key", "node"]
        constraints = [models.UniqueConstraint(fields=["key", "node"], name="setting_once_per_node")]

    def __str__(self) -> str:
        return f"{self.key}@{self.node}" if self.node else self.key
