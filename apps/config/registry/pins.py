"""Callers who are known by a PIN (guide 2194-2215, 6615-6655)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.checks import star_code
from apps.config.registry.definition import Definition

SETTINGS: tuple[Definition, ...] = (
    Definition(
        "callingcardauth",
        str,
        "pin",
        _(
            "What is taken for a PIN: pin (the guide's 5, 9, 10), card_pin (of calling cards only: 2), card_name (the user name of a"
            " calling card: 1), card_name_pin (its user name, then its PIN: 3), name (any user name: 4), name_pin (6, 7), mixed (the"
            " user name of a calling card, of others user name and PIN: 8), all (11), long (as all, if there are as many digits as"
            " pinlength says: 0, 12). User names alone can be guessed."
        ),
        choices=("pin", "card_pin", "card_name", "card_name_pin", "name", "name_pin", "mixed", "all", "long"),
    ),
    Definition("pinlength", int, 12, _("Digits of new PINs."), minimum=6, maximum=20),
    Definition(
        "code_pin",
        str,
        "",
        _(
            "Dialled before a PIN, * or #, and a number, from anywhere: the account with the PIN makes the call and pays, for instance"
            " *44*123456789012*36301234567. Empty: nobody calls so."
        ),
        check=star_code,
    ),
    Definition(
        "dialin",
        bool,
        False,
        _(
            "The account is an access number: calls to it are answered, ask for a PIN (recording pin) unless they are of an account that"
            " is known, and for a number (recording number), which the account with the PIN calls and pays for."
        ),
        account=True,
    ),
    Definition(
        "dialintries",
        int,
        3,
        _("How often a PIN or a number may be dialled in vain in one call to an access number."),
        minimum=1,
        maximum=10,
    ),
)
