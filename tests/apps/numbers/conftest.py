"""The office that these tests look at."""

from tests.house import house

__all__ = ["house"]
