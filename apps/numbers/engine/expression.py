"""A small language for what rules compute: `left(called, 2)`, `pick('house', left(called, 2))`, `len(called) < 5`.

1. A text is split into words, and a parser of precedences makes a tree of it; what does not fit is refused with its place.
2. The tree is built of small functions, one for each node, and asked with the values of one call.
It has no loops, no names but those of a call's fields and of the functions below, and bounds for its size, its texts and
its numbers: it always ends, in microseconds, and touches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from apps.numbers.engine.functions import FUNCTIONS, Scope, like, number_of, text_of
from apps.numbers.engine.values import FIELDS, LARGEST, NoSuchField, Value, WrongExpression, field_named

LONGEST: Final = 500
MOST_NODES: Final = 200
DEEPEST: Final = 20

Node = Callable[[Scope], Value]

_WORD = re.compile(
    r"\s*(?:(?P<number>\d+)|(?P<text>'[^']*'|\"[^\"]*\")|\[(?P<keyword>[A-Za-z_]\w*)\]|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign><>|<=|>=|!=|==|[-+*/%&=<>(),]))"
)
_COMPARE: Final[dict[str, Callable[[int], bool]]] = {
    "=": lambda one: one == 0,
    "==": lambda one: one == 0,
    "!=": lambda one: one != 0,
    "<>": lambda one: one != 0,
    "<": lambda one: one < 0,
    "<=": lambda one: one <= 0,
    ">": lambda one: one > 0,
    ">=": lambda one: one >= 0,
}


class _Word(NamedTuple):
    kind: str
    text: str
    place: int


class Expression:
    """An expression that has been understood; calling it with the values of a call gives its value."""

    __slots__ = ("_node", "text")

    def __init__(self, text: str) -> None:
        """Raises WrongExpression, which says where and why."""
        self.text = text
        self._node = _Parser(text).whole()

    def __call__(self, scope: Scope) -> Value:
        """The value. Raises WrongExpression for values that do not fit, such as a division by nought."""
        return self._node(scope)


class Template:
    """A text with `{expressions}` and `[fields]` in it, each replaced by its value."""

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        """Raises WrongExpression."""
        if len(text) > LONGEST:
            raise WrongExpression(f"At most {LONGEST} characters.")
        self.text = text
        self._parts = [_part(one) for one in re.split(r"(\{[^{}]*\}|\[[A-Za-z_]\w*\])", text) if one]

    @property
    def fixed(self) -> bool:
        """Whether it is the same text for every call."""
        return all(isinstance(one, str) for one in self._parts)

    def __call__(self, scope: Scope) -> str:
        """The text for one call. Raises WrongExpression."""
        return "".join([one if isinstance(one, str) else text_of(one(scope)) for one in self._parts])


def _part(text: str) -> str | Expression:
    if text[:1] == "{" and text[-1:] == "}":
        return Expression(text[1:-1])
    if text[:1] == "[" and text[-1:] == "]":
        return Expression(text)
    if "{" in text or "}" in text:
        raise WrongExpression("A brace has no partner.")
    return text


def _words(text: str) -> list[_Word]:
    if len(text) > LONGEST:
        raise WrongExpression(f"At most {LONGEST} characters.")
    if text.lstrip().upper().startswith("SELECT "):
        raise WrongExpression(
            "SQL is not understood here: pick('list'), random(1, 9), listed('list', number) do the same."
        )
    found, place = [], 0
    while text[place:].strip():
        match = _WORD.match(text, place)
        if match is None:
            raise WrongExpression(f"What is {text[place:].strip()[:10]!r}, at character {place + 1}?")
        kind = match.lastgroup or ""
        found.append(_Word(kind, match[kind], match.start(kind)))
        place = match.end()
    return found


class _Parser:
    """From loose to tight: or, and, not, comparison, + - &, * / %, sign, a value."""

    def __init__(self, text: str) -> None:
        self._words = _words(text)
        self._next = 0
        self._nodes = 0
        self._depth = 0

    def whole(self) -> Node:
        if not self._words:
            raise WrongExpression("An expression is expected.")
        node = self._either()
        if self._next < len(self._words):
            self._fail()
        return node

    # what comes

    def _peek(self) -> str:
        if self._next >= len(self._words):
            return ""
        word = self._words[self._next]
        return word.text.lower() if word.kind in {"sign", "name"} else ""

    def _take(self, *texts: str) -> str:
        found = self._peek()
        if found and found in texts:
            self._next += 1
            return found
        return ""

    def _expect(self, text: str) -> None:
        if not self._take(text):
            self._fail(f"{text} is expected")

    def _fail(self, why: str = "") -> None:
        if self._next >= len(self._words):
            raise WrongExpression(f"It ends too early{': ' + why if why else ''}.")
        word = self._words[self._next]
        raise WrongExpression(
            f"{word.text[:20]!r} at character {word.place + 1} does not fit{': ' + why if why else ''}."
        )

    def _count(self) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise WrongExpression(f"It has more than {MOST_NODES} parts.")

    # levels

    def _either(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise WrongExpression(f"It is more than {DEEPEST} brackets deep.")
        node = self._both()
        while self._take("or"):
            self._count()
            node = _or(node, self._both())
        self._depth -= 1
        return node

    def _both(self) -> Node:
        node = self._negated()
        while self._take("and"):
            self._count()
            node = _and(node, self._negated())
        return node

    def _negated(self) -> Node:
        turned = False
        while self._take("not"):
            self._count()
            turned = not turned
        node = self._compared()
        return _not(node) if turned else node

    def _compared(self) -> Node:
        node = self._sum()
        turned = bool(self._take("not"))
        if self._take("like"):
            self._count()
            node = _like(node, self._sum())
            return _not(node) if turned else node
        if turned:
            self._fail("like is expected")
        sign = self._take(*_COMPARE)
        if not sign:
            return node
        self._count()
        return _compare(_COMPARE[sign], node, self._sum())

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._take("+", "-", "&"):
            self._count()
            node = (
                _add(node, self._product())
                if sign == "+"
                else _join(node, self._product())
                if sign == "&"
                else (_reckon(sign, node, self._product()))
            )
        return node

    def _product(self) -> Node:
        node = self._signed()
        while sign := self._take("*", "/", "%"):
            self._count()
            node = _reckon(sign, node, self._signed())
        return node

    def _signed(self) -> Node:
        if self._take("-"):
            self._count()
            return _reckon("-", lambda _: 0, self._value())
        return self._value()

    def _value(self) -> Node:
        self._count()
        if self._take("("):
            node = self._either()
            self._expect(")")
            return node
        if self._next >= len(self._words):
            self._fail("a value is expected")
        word = self._words[self._next]
        if word.kind == "number":
            self._next += 1
            return _constant(_bounded(int(word.text[:20])))
        if word.kind == "text":
            self._next += 1
            return _constant(word.text[1:-1])
        if word.kind == "keyword":
            self._next += 1
            return _field(word.text)
        if word.kind != "name":
            self._fail("a value is expected")
        self._next += 1
        return self._called(word) if self._take("(") else _field(word.text)

    def _called(self, word: _Word) -> Node:
        found = FUNCTIONS.get(word.text.lower())
        if found is None:
            raise WrongExpression(f"There is no function {word.text[:20]!r}.")
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._either())
        if not found.least <= len(arguments) <= found.most:
            raise WrongExpression(f"{word.text}() takes {found.takes}.")
        function = found.function
        return lambda scope: function(scope, *[one(scope) for one in arguments])


def _constant(value: Value) -> Node:
    return lambda _: value


def _field(name: str) -> Node:
    try:
        field = field_named(name)
    except NoSuchField:
        raise WrongExpression(
            f"There is no field {name[:20]!r}; there are {', '.join(sorted(FIELDS))}."
        ) from None

    def read(scope: Scope) -> Value:
        if field in scope.tainted:
            scope.invented = True
        return scope.fields.get(field, "")

    return read


def _or(left: Node, right: Node) -> Node:
    return lambda scope: int(bool(left(scope)) or bool(right(scope)))


def _and(left: Node, right: Node) -> Node:
    return lambda scope: int(bool(left(scope)) and bool(right(scope)))


def _not(node: Node) -> Node:
    return lambda scope: int(not node(scope))


def _like(left: Node, right: Node) -> Node:
    return lambda scope: int(like(text_of(left(scope)), text_of(right(scope))))


def _compare(fits: Callable[[int], bool], left: Node, right: Node) -> Node:
    """Numbers by their size if one of the two is a number; else texts, letter by letter."""

    def compared(scope: Scope) -> Value:
        one, other = left(scope), right(scope)
        if isinstance(one, int) or isinstance(other, int):
            one, other = number_of(one), number_of(other)
            return int(fits((one > other) - (one < other)))
        return int(fits((one > other) - (one < other)))

    return compared


def _add(left: Node, right: Node) -> Node:
    """Two numbers are added; a text and anything are joined, as SQL does."""

    def added(scope: Scope) -> Value:
        one, other = left(scope), right(scope)
        if isinstance(one, int) and isinstance(other, int):
            return _bounded(one + other)
        return text_of(text_of(one) + text_of(other))

    return added


def _join(left: Node, right: Node) -> Node:
    return lambda scope: text_of(text_of(left(scope)) + text_of(right(scope)))


def _reckon(sign: str, left: Node, right: Node) -> Node:
    def reckoned(scope: Scope) -> Value:
        one, other = number_of(left(scope)), number_of(right(scope))
        if sign == "-":
            return _bounded(one - other)
        if sign == "*":
            return _bounded(one * other)
        if not other:
            raise WrongExpression("Nothing can be divided by nought.")
        return one // other if sign == "/" else one % other

    return reckoned


def _bounded(number: int) -> int:
    if abs(number) > LARGEST:
        raise WrongExpression("A number is too large.")
    return number
