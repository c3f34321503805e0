"""What a setting is: its key, type, default, limits, and who may have a value of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise

Numbers = tuple[int, ...]
Words = tuple[str, ...]
Value = str | int | bool | Numbers | Words

LONGEST = 2000
_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0", "")


class BadValue(ValueError):
    """The text is not a value of this setting; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A setting. `type` is str, int, bool, Numbers (a set) or Words (in order); lists are written with commas.

    applies: "live" takes effect within a second, "restart" at the next start of the process that reads it.
    account: an account may have a value of its own, which also holds for everybody below it.
    check: answers what is wrong with a text, or "".
    sealed: a secret, kept sealed (`apps.core.sealed.of_setting`) and shown nowhere; its value is the sealed text.
    """

    key: str
    type: Any
    default: Value
    help: str | Promise
    applies: Literal["live", "restart"] = "live"
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[str], str] | None = None
    account: bool = False
    sealed: bool = False

    def parse(self, text: str) -> Value:
        """The typed value of what an operator wrote. Raises BadValue."""
        text = text.strip()
        if self.type is bool:
            return self._yes_or_no(text)
        if self.type is int:
            return self._number(text)
        if self.type == Numbers:
            return tuple(sorted({self._number(part) for part in text.replace(" ", ",").split(",") if part}))
        if self.type == Words:
            return tuple(
                dict.fromkeys(self._text(word) for part in text.split(",") if (word := part.strip()))
            )
        return self._text(text)

    def write(self, value: Value | list[Any]) -> str:
        """The text that `parse` reads back."""
        if isinstance(value, bool):
            return "yes" if value else "no"
        return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)

    def _yes_or_no(self, text: str) -> bool:
        if text.lower() in _YES:
            return True
        if text.lower() in _NO:
            return False
        raise BadValue(f"{self.key}: {text[:40]!r} is neither yes nor no.")

    def _number(self, text: str) -> int:
        if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 12):
            raise BadValue(f"{self.key}: {text[:40]!r} is not a whole number.")
        number = int(text)
        if (self.minimum is not None and number < self.minimum) or (
            self.maximum is not None and number > self.maximum
        ):
            raise BadValue(f"{self.key}: {number} is not between {self.minimum} and {self.maximum}.")
        return number

    def _text(self, text: str) -> str:
        if self.choices and text not in self.choices:
            raise BadValue(f"{self.key}: {text[:40]!r} is none of {', '.join(self.choices)}.")
        if len(text) > LONGEST or not text.isprintable():
            raise BadValue(f"{self.key}: at most {LONGEST} printable characters are expected.")
        if self.check and (wrong := self.check(text)):
            raise BadValue(f"{self.key}: {wrong}")
        return text
