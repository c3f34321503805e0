"""What settings are worth now: a node's own value, else everybody's, else the default (guide 11909-11917)."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any

from apps.config.models import Setting
from apps.config.registry import SETTINGS, BadValue, definition

logger = logging.getLogger(__name__)


def get(key: str, node: str = "") -> Any:
    """The typed value of one setting. Raises KeyError when there is no such setting."""
    definition(key)
    stored = Setting.objects.filter(key=key, node__in={"", node}).order_by()
    return _typed(key, dict(stored.values_list("node", "value")), node)


def effective(node: str = "") -> dict[str, Any]:
    """Every setting's typed value on a node, by key."""
    stored: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for key, at, value in Setting.objects.filter(node__in=("", node)).values_list("key", "node", "value"):
        stored[key][at] = value
    changed = {key: _typed(key, values, node) for key, values in stored.items() if key in SETTINGS}
    return {key: one.default for key, one in SETTINGS.items()} | changed


def _typed(key: str, values: dict[str, str], node: str) -> Any:
    for text in (values.get(node), values.get("")):
        if text is None:
            continue
        try:
            return SETTINGS[key].parse(text)
        except BadValue as error:  # written past the services, or limits have changed since
            logger.warning("setting ignored: %s", error)
    return SETTINGS[key].default
