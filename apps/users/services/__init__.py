"""The verbs of accounts: the only writers of `apps.users.models`."""

from apps.users.services.accounts import change_account, open_account
from apps.users.services.reach import set_addresses, set_trunk
from apps.users.services.secrets import new_password, set_sip_password, set_web_password
from apps.users.services.settings import clear_own, set_own

__all__ = [
    "change_account",
    "clear_own",
    "new_password",
    "open_account",
    "set_addresses",
    "set_own",
    "set_sip_password",
    "set_trunk",
    "set_web_password",
]
