"""Re-rating: prices of calls reckoned anew, first as differences to look at, then all of them put in force, or none.

`runs` is asked, tells how far it is and can be cancelled · `office` is what the engine asks for accounts, settings and
price lists · `slices` cuts its time, for one process or several · `reckon` makes the differences of a slice · `applying` puts them in force, span by span
(`inforce`) · `differences` sums them up.
"""

from apps.invoices.services.rerating.applying import Outdated, apply, carry_on
from apps.invoices.services.rerating.runs import PROCESSES, CannotRerate, ask, cancel, proceed, work

__all__ = ["PROCESSES", "CannotRerate", "Outdated", "apply", "ask", "cancel", "carry_on", "proceed", "work"]
