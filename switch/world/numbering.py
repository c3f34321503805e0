"""Lists of numbers and rules that rewrite them, as a worker has them from the snapshot."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.numbers.engine.lists import Lists
from apps.numbers.engine.rules import Rule, RuleBook, Stage, compiled
from switch.world.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class NumberParts:
    """The part `numbers` of a snapshot."""

    lists: Lists = field(default_factory=Lists)
    prefixes: list[Rule] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)

    def take(self, section: str, rows: Sequence[Sequence[Any]]) -> None:
        """Rows of `apps.numbers.snapshot`. A rule that cannot be understood is left out: calls go on without it."""
        if section in {"lists", "listed_numbers"}:
            self.lists.take(section, rows)
            return
        kept = self.prefixes if section == "prefix_rules" else self.rules
        for row in rows:
            try:
                kept.append(compiled(row))
            except (ValueError, IndexError):
                logger.exception("rewrite rule %s cannot be understood; calls go on without it", row[1])

    def book(self, settings: Settings) -> RuleBook:
        """The rules that the settings let be asked: prefix rules first."""
        asked = {stage for stage in Stage if getattr(settings, stage.switch)}
        prefixes = self.prefixes if settings.checkprefixroules else []
        return RuleBook([*prefixes, *[one for one in self.rules if one.stage in asked]])
