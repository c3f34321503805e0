"""The verbs of vouchers: the only writers of `apps.vouchers.models`."""

from apps.vouchers.services.batches import (
    Printed,
    cancel,
    open_batch,
    print_codes,
    reject_batch,
    release_approved,
)
from apps.vouchers.services.redeeming import Locked, redeem

__all__ = [
    "Locked",
    "Printed",
    "cancel",
    "open_batch",
    "print_codes",
    "redeem",
    "reject_batch",
    "release_approved",
]
