"""From what was dialled to the number that prices and routes are looked up by (guide 2464-2678).

How far it goes, three levels say: `clean` (validateinput), `level` (normalizenumbers), `national` (normalizecallednumbersnec).
`normalizedef` sets all three; each may be set by itself. They are numbers here, as the levels have an order; the settings
have names for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from apps.core.values.digits import ALPHABET, is_digits
from apps.numbers.engine import countries
from apps.numbers.engine.prefixes import PatternRewrite, PrefixChange

LONGEST: Final = 32
"""Digits; E.164 has 15, tech prefixes and routing prefixes come on top."""
AUTO: Final = -1

CLEAN: Final = ("no", "trimmed", "basic", "normal", "more", "extreme")
LEVEL: Final = ("no", "basic", "normal", "more", "extra")
NATIONAL: Final = ("no", "yes", "extra", "all")
PRESETS: Final = {
    "default": (3, 2, AUTO),
    "untouched": (0, 0, 0),
    "minimal": (1, 1, 1),
    "basic": (2, 1, 1),
    "normal": (3, 2, 1),
    "strict": (4, 3, 2),
    "extra": (5, 4, 3),
}
"""normalizedef → the three levels (guide 2508-2514)."""
BASIC, NORMAL, MORE, EXTRA = 1, 2, 3, 4
YES, ALL = 1, 3

_SEPARATORS = dict.fromkeys(map(ord, " \t-./()\u00a0"))
_BLANKS = dict.fromkeys(map(ord, " \t\r\n\u00a0"))
_NEVER = frozenset("'\"`;\\<>{}|^")
"""No number and no user name has these: somebody tries what happens."""
_WORTH = 5
"""Digits from which on a number may lack its country code: shorter ones are numbers of ours (cfg_minnormalizelength)."""


_LEAVE, _KEEP = PrefixChange(), PatternRewrite()


class Normalised(NamedTuple):
    """The number, or why it is refused; `steps` say in words what was done to it."""

    number: str
    problem: str = ""
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to numbers, for one account or for everybody."""

    clean: int = 3
    level: int = NORMAL
    national: int = AUTO
    incoming: PrefixChange = _LEAVE
    outgoing: PrefixChange = _LEAVE
    pattern: PatternRewrite = _KEEP
    iecs: tuple[str, ...] = ("00",)
    region: str = ""
    areas: tuple[str, ...] = ()
    least_length: int = AUTO
    special: bool = True
    digits_only: bool = False
    shortest: int = 1
    longest: int = LONGEST

    @property
    def adds(self) -> int:
        """How far country codes are added: what `national` says, or what follows from the level."""
        return self.national if self.national != AUTO else max(0, self.level - 1)

    @property
    def strips(self) -> bool:
        """Whether international escape codes go.

        From level normal on; unless nothing else shall be done to the number either: no country codes, no strict cleaning
        (guide 2468-2472; by its own default of normal they go, so that one level alone does not keep them).
        """
        if self.level < NORMAL:
            return False
        return self.level >= MORE or self.national != 0 or self.clean >= 4


def levels(preset: str, clean: str, level: str, national: str) -> tuple[int, int, int]:
    """The three levels by name; "auto" takes that of the preset, and of `national` "depends" what follows from the level."""
    first, second, third = PRESETS[preset]
    return (
        first if clean == "auto" else CLEAN.index(clean),
        second if level == "auto" else LEVEL.index(level),
        third if national == "auto" else AUTO if national == "depends" else NATIONAL.index(national),
    )


class Normaliser:
    """A plan with the numbers it has seen: the same number again costs a look into a dictionary."""

    __slots__ = ("_seen", "_shown", "plan")

    MOST = 20_000

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._seen: dict[str, Normalised] = {}
        self._shown: dict[str, str] = {}

    def __call__(self, dialled: str) -> Normalised:
        """What the plan makes of a called number."""
        found = self._seen.get(dialled)
        if found is None:
            if len(self._seen) >= self.MOST:
                self._seen.clear()
            found = self._seen[dialled] = normalise(dialled, self.plan)
        return found

    def shown(self, number: str) -> str:
        """A caller number as it came from a trunk; "" when it is none."""
        found = self._shown.get(number)
        if found is None:
            if len(self._shown) >= self.MOST:
                self._shown.clear()
            found = self._shown[number] = caller_number(number, self.plan)
        return found


def normalise(dialled: str, plan: Plan) -> Normalised:
    """What becomes of a number that was dialled.

    1. It is cleaned of what does not belong into it, or refused for it.
    2. The operator's own changes: `prefixrewrite…`, then `incomingprefix…`.
    3. The international escape code goes: the number has its country code then.
    4. Else the country's plan may add the code, and the area code of a local number.
    5. What is too short, too long or no number is refused.
    """
    steps: list[str] = []
    number = cleaned(dialled, plan.clean)
    if number is None:
        return Normalised("", f"{dialled[:40]!r} is not a number")
    if number != dialled:
        steps.append(f"cleaned: {number}")
    if plan.level >= BASIC:
        for name, change in (("prefixrewritestr", plan.pattern), ("incomingprefix", plan.incoming)):
            changed = change.apply(number) if change else number
            if changed != number:
                steps.append(f"{name}: {changed}")
                number = changed
        number = _with_country_code(number, plan, steps)
    return _checked(number, dialled, plan, tuple(steps))


def caller_number(text: str, plan: Plan) -> str:
    """A caller number with its country code, without what the operator does to called numbers; "" when it is none."""
    number = (cleaned(text, max(plan.clean, CLEAN.index("normal"))) or "")[: LONGEST + 1]
    if plan.level >= BASIC:
        number = _with_country_code(number, plan, [])
    number = number.removeprefix("+")
    return number if len(number) <= LONGEST and is_digits(number) else ""


def cleaned(text: str, level: int) -> str | None:
    """The text without what does not belong into a number; None: it is refused.

    no: as it is; trimmed: without blanks; basic: what looks like an attack is refused; normal: without what people put
    between digits; more: nothing but digits, + * and #; extreme: and it has to begin as a number does.
    """
    if level == CLEAN.index("no"):
        return text
    text = text.translate(_BLANKS)
    if not text.isprintable():
        return None
    if level >= CLEAN.index("basic") and not _NEVER.isdisjoint(text):
        return None
    if level >= CLEAN.index("normal"):
        text = text.translate(_SEPARATORS)
        if level >= CLEAN.index("more") and text.isascii():
            text = "".join(one for one in text if one in ALPHABET or one == "+")
        if not is_digits(text.removeprefix("+")):
            return None
    if level >= CLEAN.index("extreme") and not text.removeprefix("+").isdecimal():
        return None
    return text


def _with_country_code(number: str, plan: Plan, steps: list[str]) -> str:
    if plan.strips:
        for escape in ("+", *plan.iecs):
            if escape and number.startswith(escape):
                steps.append(f"international escape code {escape} off")
                return number[len(escape) :]
    if number.startswith("+") or not _lacks_code(number, plan):
        return number
    if plan.special and countries.is_short(number, plan.region):
        steps.append(f"{number} is a special number in {plan.region}")
        return number
    found = _completed(number, plan)
    if found and found != number:
        steps.append(f"numbering plan of {plan.region}: {found}")
    return found or number


def _lacks_code(number: str, plan: Plan) -> bool:
    if not plan.region or plan.level < NORMAL or plan.adds < YES or not number.isdecimal():
        return False
    return len(number) >= (_WORTH if plan.least_length == AUTO else plan.least_length)


def _completed(number: str, plan: Plan) -> str:
    """With country code; "" when it is no number of the country, or has its code already.

    yes: numbers that begin with the national escape code (NEC), if the country has one; extra: national numbers without it too, unless they are
    numbers with a country code as they stand; all: local numbers too, in one of the area codes `prefix1` to `prefix3`.
    """
    escape = countries.trunk_prefix(plan.region)
    if escape and number.startswith(escape) and (found := countries.international(number, plan.region)):
        return found
    if (plan.adds == YES and escape) or countries.is_international(number):
        return ""
    if found := countries.international(number, plan.region):
        return found
    if plan.adds >= ALL:
        for area in plan.areas:
            if found := countries.international(escape + area + number, plan.region):
                return found
    return ""


def _checked(number: str, dialled: str, plan: Plan, steps: tuple[str, ...]) -> Normalised:
    if not plan.shortest <= len(number) <= plan.longest:
        return Normalised("", f"{dialled[:40]!r} has {len(number)} digits", steps)
    if plan.digits_only and not number.removeprefix("+").isdecimal():
        return Normalised("", f"{dialled[:40]!r} is not a telephone number", steps)
    return Normalised(number, "", steps)
