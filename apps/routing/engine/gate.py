"""What a carrier takes, and which calls it would rather have: the settings of its account (guide 1631-1645, 1787-1806, 3232-3239)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.routing.engine.rules import ANY, Facts


class Prefixes:
    """A list of prefixes of any length; asking it does not cost more the longer it is."""

    __slots__ = ("_lengths", "_listed")

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._listed = frozenset(listed)
        self._lengths = tuple(sorted({len(one) for one in self._listed}, reverse=True))

    def __bool__(self) -> bool:
        return bool(self._listed)

    def has(self, number: str) -> bool:
        """Whether the number begins with one of them."""
        return any(number[:length] in self._listed for length in self._lengths)


def limiting(listed: Iterable[str]) -> Prefixes:
    """A list of what is allowed; one with * allows everything and limits nothing."""
    found = tuple(listed)
    return Prefixes(() if ANY in found else found)


@dataclass(frozen=True, slots=True)
class Gate:
    """The conditions and wishes of one carrier. An empty list of what is allowed allows everything."""

    enabled: Prefixes
    blocked: Prefixes
    tech_prefixes: frozenset[str]
    partners: frozenset[int] | None  # account ids; None: everybody
    test_prefixes: frozenset[str]
    only_tests: str  # the tech prefix of test calls, when it takes nothing else
    called_wishes: Prefixes
    caller_wishes: Prefixes
    partner_wishes: frozenset[int]
    global_absolute: int
    absolute: int
    priority: int
    rest: int  # seconds after a call

    @property
    def matters(self) -> bool:
        """Whether there is anything to ask of it."""
        return self.partners is not None or any(
            (
                self.enabled, self.blocked, self.tech_prefixes, self.test_prefixes, self.only_tests, self.called_wishes,
                self.caller_wishes, self.partner_wishes, self.global_absolute, self.absolute, self.priority, self.rest,
            )
        )  # fmt: skip

    def refusal(self, facts: Facts) -> str:
        """Why it does not take the call, in words; "": it does."""
        called, tech = facts.called, facts.tech_prefix
        if self.only_tests and tech != self.only_tests:
            return "it takes test calls only"
        if self.test_prefixes and tech not in self.test_prefixes:
            return "the call lacks its test prefix"
        if self.tech_prefixes and tech not in self.tech_prefixes:
            return f"the tech prefix {tech or 'none'} is none of its"
        if self.enabled and not self.enabled.has(called):
            return f"{called} is none of its enabled prefixes"
        if self.blocked and self.blocked.has(called):
            return f"{called} is one of its blocked prefixes"
        if self.partners is not None and self.partners.isdisjoint(facts.caller_path):
            return "the caller is none of its allowed partners"
        return ""

    def called_wish(self, facts: Facts) -> bool:
        """Whether it is to have calls with this tech prefix or called prefix first."""
        wishes = self.called_wishes
        return bool(wishes) and (wishes.has(facts.tech_prefix) or wishes.has(facts.called))

    def caller_wish(self, facts: Facts) -> bool:
        """Whether it is to have calls with this caller number before its equals."""
        return bool(self.caller_wishes) and self.caller_wishes.has(facts.caller_number)

    def partner_wish(self, facts: Facts) -> bool:
        """Whether it is to have this customer's calls before its equals."""
        return bool(self.partner_wishes) and not self.partner_wishes.isdisjoint(facts.caller_path)
