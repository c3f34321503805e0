"""What can go wrong with prices, in sentences for the person who can mend it."""

from __future__ import annotations


class PricingError(Exception):
    """A price list cannot be used as it is asked to be."""


class ImportRefused(PricingError):
    """A file with bad lines; nothing of it was taken. `errors` are pairs of line number and reason."""

    def __init__(self, errors: list[tuple[int, str]]) -> None:
        self.errors = errors
        super().__init__(
            f"{len(errors)} bad line(s); nothing was changed. Line {errors[0][0]}: {errors[0][1]}"
        )


class NotConvertible(PricingError):
    """There is no exchange rate between two currencies."""
