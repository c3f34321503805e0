"""The verbs of the front desk: opening like another, many at once, from a file."""

from apps.desk.services.batches import generate, print_sheet
from apps.desk.services.opening import open_like, open_start

__all__ = ["generate", "open_like", "open_start", "print_sheet"]
