"""The functions of the expression language, each with what it is for in `FUNCTIONS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from apps.numbers.engine import countries
from apps.numbers.engine.lists import Lists
from apps.numbers.engine.values import LARGEST, LONGEST_TEXT, Value, WrongExpression


@dataclass(slots=True)
class Scope:
    """The values of one call, and what is at hand to compute with them. `chance` is the lot: the same one draws the same."""

    fields: Mapping[str, Value]
    lists: Lists
    path: Sequence[int] = ()  # account ids from the top of the tree down to the caller
    chance: int = 0
    mobile: tuple[str, ...] = ()  # beginnings of mobile numbers
    invented: bool = False  # whether what was computed since is by chance
    tainted: set[str] = field(default_factory=set)  # fields that are
    draws: int = field(default=0)

    def draw(self) -> int:
        """Another lot of the call."""
        self.draws += 1
        return mixed(self.chance + self.draws)


class Function(NamedTuple):
    """How many values it takes, what they are and what it gives."""

    least: int
    most: int
    takes: str
    function: Callable[..., Value]
    gives: str


def text_of(value: Value) -> str:
    """The value as text. Raises WrongExpression when it is too long."""
    text = value if isinstance(value, str) else str(value)
    if len(text) > LONGEST_TEXT:
        raise WrongExpression(f"A text has more than {LONGEST_TEXT} characters.")
    return text


def number_of(value: Value) -> int:
    """The value as a whole number. Raises WrongExpression when it is none."""
    if isinstance(value, int):
        return value
    digits = value.strip().removeprefix("+")
    if digits.isascii() and digits.isdigit() and len(digits) <= len(str(LARGEST)):
        return int(digits)
    raise WrongExpression(f"{value[:20]!r} is no number.")


def like(text: str, pattern: str) -> bool:
    """Whether the text is like the pattern: % stands for anything, _ for one character. In time of both lengths multiplied."""
    place = 0
    back, resume = -1, 0
    at = 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "%":
            back, resume, place = place, at, place + 1
        elif place < len(pattern) and pattern[place] in {"_", text[at]}:
            at, place = at + 1, place + 1
        elif back >= 0:
            resume += 1
            at, place = resume, back + 1
        else:
            return False
    return not pattern[place:].strip("%")


def mixed(value: int) -> int:
    """64 well-spread bits of an integer (the finaliser of splitmix64)."""
    value = (value * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return value ^ value >> 31


def _count(value: Value) -> int:
    return max(0, number_of(value))


def _mid(_: Scope, text: Value, start: Value, count: Value = LONGEST_TEXT) -> Value:
    first = max(0, number_of(start) - 1)
    return text_of(text)[first : first + _count(count)]


def _right(_: Scope, text: Value, count: Value) -> Value:
    found, many = text_of(text), _count(count)
    return found[max(0, len(found) - many) :]


def _replace(_: Scope, text: Value, old: Value, new: Value) -> Value:
    wanted = text_of(old)
    return text_of(text_of(text).replace(wanted, text_of(new))) if wanted else text_of(text)


def _pad(_: Scope, text: Value, length: Value, filler: Value = "0") -> Value:
    return text_of(text).rjust(min(_count(length), LONGEST_TEXT), (text_of(filler) or "0")[0])


def _first(_: Scope, *values: Value) -> Value:
    return next((one for one in values if text_of(one)), "")


def _random(scope: Scope, low: Value, high: Value) -> Value:
    least, most = number_of(low), number_of(high)
    if most < least:
        raise WrongExpression("random() takes the smaller number first.")
    scope.invented = True
    return least + scope.draw() % (most - least + 1)


def _pick(scope: Scope, name: Value, prefix: Value = "") -> Value:
    found = scope.lists.by_name.get(text_of(name))
    if found is None or not found.usable(scope.path):
        raise WrongExpression(f"There is no list {text_of(name)[:40]!r} for this account.")
    drawn = found.draw(scope.draw(), text_of(prefix))
    if not drawn:
        raise WrongExpression(f"The list {found.name} has no number that fits.")
    if found.purpose != "caller":
        scope.invented = True
    return drawn


def _listed(scope: Scope, name: Value, number: Value) -> Value:
    found = scope.lists.by_name.get(text_of(name))
    return int(found is not None and text_of(number) in found)


def _prefix_in(scope: Scope, name: Value, number: Value) -> Value:
    found = scope.lists.by_name.get(text_of(name))
    return found.longest_prefix(text_of(number)) if found is not None else ""


def _mobile(scope: Scope, number: Value) -> Value:
    text = text_of(number)
    if scope.mobile:
        return int(text.startswith(scope.mobile))
    return int(countries.kind_of(text) == countries.MOBILE)


def _isnumber(_: Scope, text: Value) -> Value:
    found = text_of(text).removeprefix("+")
    return int(found.isascii() and found.isdigit())


def _digits(_: Scope, text: Value) -> Value:
    return "".join(one for one in text_of(text) if one in "0123456789")


FUNCTIONS: Final[dict[str, Function]] = {
    "left": Function(2, 2, "a text and a count", lambda _, text, count: text_of(text)[: _count(count)], "its first characters"),
    "right": Function(2, 2, "a text and a count", _right, "its last characters"),
    "mid": Function(2, 3, "a text, the first character's place (from 1) and a count", _mid, "what stands there"),
    "substring": Function(2, 3, "a text, the first character's place (from 1) and a count", _mid, "what stands there"),
    "len": Function(1, 1, "a text", lambda _, text: len(text_of(text)), "how many characters it has"),
    "replace": Function(3, 3, "a text, what is found and what stands there then", _replace, "the changed text"),
    "digits": Function(1, 1, "a text", _digits, "its digits alone"),
    "pad": Function(2, 3, "a text, a length and what it is filled with", _pad, "the text, filled up from the left"),
    "isnumber": Function(1, 1, "a text", _isnumber, "whether it is digits alone"),
    "isnumeric": Function(1, 1, "a text", _isnumber, "whether it is digits alone"),
    "number": Function(1, 1, "a text", lambda _, text: number_of(text), "the number that it says"),
    "starts": Function(2, 2, "a text and a beginning", lambda _, text, one: int(text_of(text).startswith(text_of(one))), "whether it begins so"),
    "ends": Function(2, 2, "a text and an end", lambda _, text, one: int(text_of(text).endswith(text_of(one))), "whether it ends so"),
    "contains": Function(2, 2, "a text and a part", lambda _, text, one: int(text_of(one) in text_of(text)), "whether the part is in it"),
    "between": Function(3, 3, "a number, the least and the greatest", lambda _, one, low, high: int(number_of(low) <= number_of(one) <= number_of(high)), "whether it lies there"),
    "if": Function(3, 3, "a condition and two values", lambda _, one, yes, no: yes if one else no, "the first if it holds, else the second"),
    "first": Function(1, 8, "up to eight values", _first, "the first that is not empty"),
    "random": Function(2, 2, "the least and the greatest number", _random, "one of these by lot"),
    "pick": Function(1, 2, "a list and a beginning", _pick, "one of its numbers by lot, of those that begin so"),
    "listed": Function(2, 2, "a list and a number", _listed, "whether it is in it"),
    "prefix_in": Function(2, 2, "a list and a number", _prefix_in, "the longest entry that the number begins with"),
    "country": Function(1, 1, "a number", lambda _, one: countries.country_code(text_of(one)), "its country code"),
    "kind": Function(1, 1, "a number", lambda _, one: countries.kind_of(text_of(one)), "mobile, fixed, toll_free, premium or other"),
    "mobile": Function(1, 1, "a number", _mobile, "whether it is a mobile number"),
}  # fmt: skip
"""Names of functions are those that SQL and spreadsheets have for the same."""
