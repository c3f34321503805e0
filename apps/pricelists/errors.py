"""What can go wrong with price lists, in sentences for the person who can mend it."""

from __future__ import annotations


class ListError(Exception):
    """A price list cannot be dealt with as it is asked to be; nothing was changed."""
