"""The verbs of accounts: the only writers of `apps.users.models`."""

from apps.users.services.accounts import change_account, open_account
from apps.users.services.reach import set_addresses, set_trunk
from apps.users.services.secrets import new_password, set_sip_password, set_web_password

__all__ = [
    "change_account",
    "new_password",
    "open_account",
    "set_addresses",
    "set_sip_password",
    "set_trunk",
    "set_web_password",
]
