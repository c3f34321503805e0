"""The verbs of accounts: the only writers of `apps.users.models`."""

from apps.users.services.accounts import FIELDS, change_account, open_account
from apps.users.services.known_numbers import forget_number, note_number
from apps.users.services.newcomers import open_newcomer
from apps.users.services.phones import store_phone_states
from apps.users.services.pins import new_pin, remove_pin
from apps.users.services.reach import set_addresses, set_trunk
from apps.users.services.secrets import new_password, set_sip_password, set_web_password
from apps.users.services.settings import clear_own, set_own
from apps.users.services.trunk_accounts import change_trunk_account, open_trunk_account, remove_trunk_account

__all__ = [
    "FIELDS",
    "change_account",
    "change_trunk_account",
    "clear_own",
    "forget_number",
    "new_password",
    "new_pin",
    "note_number",
    "open_account",
    "open_newcomer",
    "open_trunk_account",
    "remove_pin",
    "remove_trunk_account",
    "set_addresses",
    "set_own",
    "set_sip_password",
    "set_trunk",
    "set_web_password",
    "store_phone_states",
]
