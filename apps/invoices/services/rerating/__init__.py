"""Re-rating: prices of calls reckoned anew, first as differences to look at, then all at once or not at all.

`runs` is asked, tells how far it is and can be cancelled · `office` is what the engine asks for accounts, settings and
price lists · `slices` cuts its time, for one process or several · `reckon` makes the differences of a slice · `apply` puts them in force · `differences` sums them up.
"""

from apps.invoices.services.rerating.apply import Outdated, apply
from apps.invoices.services.rerating.runs import PROCESSES, CannotRerate, ask, cancel, proceed, work

__all__ = ["PROCESSES", "CannotRerate", "Outdated", "apply", "ask", "cancel", "proceed", "work"]
