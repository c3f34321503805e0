"""Normalised numbers: what is dialled, reduced to what prefixes are compared with."""

from collections.abc import Iterator

ALPHABET = "0123456789*#"
_SEPARATORS = dict.fromkeys(map(ord, " \t-./()"))


def digits_of(number: str) -> str:
    """`+44 (20) 79-46` → `44207946`: separators and one leading `+` dropped, `*` and `#` kept.

    Raises ValueError for anything else, so that a name can never match a price by accident.
    """
    text = number.translate(_SEPARATORS).removeprefix("+")
    if not is_digits(text):
        raise ValueError(f"{number!r} is not a number: digits, * and # only")
    return text


def is_digits(text: str) -> bool:
    """Whether the text is already normalised (the empty text is: it is the prefix of everything)."""
    return (text.isascii() and text.isdecimal()) or all(symbol in ALPHABET for symbol in text)


def prefixes(number: str) -> Iterator[str]:
    """Its prefixes from the longest to the empty one."""
    return (number[:length] for length in range(len(number), -1, -1))


def listed(text: str) -> tuple[str, ...]:
    """The prefixes of a list with commas, each once, as they are written."""
    return tuple(dict.fromkeys(one for part in text.split(",") if (one := part.strip())))


def prefix_of(text: str, number: str) -> str:
    """The longest prefix of such a list that the number begins with; "" for none."""
    if "," not in text:
        return text if number.startswith(text) else ""
    return max((one for one in listed(text) if number.startswith(one)), key=len, default="")
