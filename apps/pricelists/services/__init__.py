"""The verbs of price lists: the only writers of `apps.pricelists.models`."""

from apps.pricelists.errors import ListError
from apps.pricelists.services.applying import apply, begin_applying, begin_undoing, undo
from apps.pricelists.services.exports import Table, as_csv, as_xlsx, change_rows, rate_rows
from apps.pricelists.services.staging import begin_staging, fail, stage, stop_staging
from apps.pricelists.services.uploads import choose, discard, forget_old, look, open_again, upload

__all__ = [
    "ListError",
    "Table",
    "apply",
    "as_csv",
    "as_xlsx",
    "begin_applying",
    "begin_staging",
    "begin_undoing",
    "change_rows",
    "choose",
    "discard",
    "fail",
    "forget_old",
    "look",
    "open_again",
    "rate_rows",
    "stage",
    "stop_staging",
    "undo",
    "upload",
]
