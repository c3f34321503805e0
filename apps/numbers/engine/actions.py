"""What rules check and do, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import re2

from apps.numbers.engine.functions import Scope, like, number_of
from apps.numbers.engine.values import LONGEST_TEXT, WrongExpression

SAME = "same"
"""The result goes where the data came from."""


@lru_cache(maxsize=1024)
def pattern_of(text: str) -> Any:
    """A regular expression (RE2: linear time). Raises WrongExpression."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options)
    except re2.error as error:
        raise WrongExpression(f"{text[:40]!r} is no regular expression.") from error


def _between(text: str, bounds: str) -> bool:
    low, _, high = bounds.partition("-")
    try:
        return number_of(low) <= number_of(text) <= number_of(high)
    except WrongExpression:
        return False


def _is_number(text: str) -> bool:
    bare = text.removeprefix("+")
    return bare.isascii() and bare.isdigit()


def _words(text: str) -> tuple[str, ...]:
    return tuple(one for part in text.split(",") if (one := part.strip()))


def _in_list(text: str, name: str, scope: Scope) -> bool:
    found = scope.lists.by_name.get(name)
    return found is not None and text.removeprefix("+") in found


CHECKS: Final[dict[str, Callable[[str, str, Scope], bool]]] = {
    "any": lambda text, value, _: True,
    "is": lambda text, value, _: text == value,
    "is_not": lambda text, value, _: text != value,
    "begins": lambda text, value, _: text.startswith(_words(value) or ("",)),
    "begins_not": lambda text, value, _: not text.startswith(_words(value) or ("",)),
    "ends": lambda text, value, _: text.endswith(value),
    "contains": lambda text, value, _: value in text,
    "like": lambda text, value, _: like(text, value),
    "matches": lambda text, value, _: pattern_of(value).search(text) is not None,
    "at_least": lambda text, value, _: len(text) >= number_of(value),
    "at_most": lambda text, value, _: len(text) <= number_of(value),
    "between": lambda text, value, _: _between(text, value),
    "number": lambda text, value, _: _is_number(text),
    "not_number": lambda text, value, _: not _is_number(text),
    "listed": _in_list,
    "not_listed": lambda text, value, scope: not _in_list(text, value, scope),
    "empty": lambda text, value, _: not text,
}
"""The check, with the data and what it is compared with."""


def _cut(text: str, find: str, put: str) -> str:
    return put + text[len(find) :] if text.startswith(find) else text


def _cut_end(text: str, find: str, put: str) -> str:
    return text[: len(text) - len(find)] + put if text.endswith(find) else text


def _substitute(text: str, find: str, put: str) -> str:
    try:
        found = pattern_of(find).sub(put, text)
    except (re2.error, IndexError) as error:
        raise WrongExpression("It names a group that the expression does not have.") from error
    return str(found)[: LONGEST_TEXT + 1]


ACTIONS: Final[dict[str, Callable[[str, str, str], str]]] = {
    "keep": lambda text, find, put: text,
    "replace": lambda text, find, put: put,
    "beginning": _cut,
    "end": _cut_end,
    "insert": lambda text, find, put: put + text,
    "append": lambda text, find, put: text + put,
    "cut_first": lambda text, find, put: put + text[number_of(find) :],
    "cut_last": lambda text, find, put: text[: max(0, len(text) - number_of(find))] + put,
    "keep_first": lambda text, find, put: text[: number_of(find)],
    "keep_last": lambda text, find, put: text[max(0, len(text) - number_of(find)) :],
    "substitute": _substitute,
    "remove": lambda text, find, put: "".join(one for one in text if one not in find),
    "digits": lambda text, find, put: "".join(one for one in text if one in "0123456789"),
}
"""The action, with the data, what is found in it and what is put there."""
