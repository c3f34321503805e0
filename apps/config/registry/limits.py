"""How much an account may spend and talk, and which calls are not worth carrying (guide 8955-9110, 4005-4013, 4255, 4879).

Amounts that accounts may have of their own are in the currency of the account that they limit, all others in the installation's.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition
from apps.config.registry.money import is_price

_MONTH_SECONDS = 31 * 86_400


def _amount(key: str, help: Any, default: str = "", *, account: bool = True) -> Definition:
    return Definition(key, str, default, help, check=is_price, account=account)


def _number(
    key: str, default: int, help: Any, most: int, *, least: int = 0, account: bool = False
) -> Definition:
    return Definition(key, int, default, help, minimum=least, maximum=most, account=account)


SETTINGS: tuple[Definition, ...] = (
    # Guide 3223
    Definition(
        "candial",
        bool,
        True,
        _("The account may place calls; without it, it can only be called."),
        account=True,
    ),
    # Money of a month and of a day
    _amount(
        "maxmonthlycredit",
        _("The most that an account's calls may cost it in a calendar month; empty or 0: no limit."),
    ),
    _amount(
        "maxmonthlycreditinc",
        _("By so much the account's own maxmonthlycredit grows after each month in which it was active."),
    ),
    _amount("maxmonthlycreditend", _("Beyond this maxmonthlycredit does not grow; empty: it does not end.")),
    Definition(
        "creditcheckforpostp",
        bool,
        True,
        _("Postpaid accounts are held to their credit limit and their monthly limit."),
    ),
    Definition(
        "creditcheckforts",
        bool,
        True,
        _("Customer trunks are held to their balance; otherwise they call whatever they have."),
    ),
    _amount(
        "maxdailycreditforenduser",
        _("The most that a subscriber may spend on calls in a day; empty or 0: no limit."),
        account=False,
    ),
    _amount(
        "maxdailycreditforts",
        _("The most that a customer trunk may spend on calls in a day; empty or 0: no limit."),
        account=False,
    ),
    _amount(
        "maxdailycredit",
        _(
            "The most that the account may spend on calls in a day, instead of the limit for all; 0: no limit; empty: that for all."
        ),
    ),
    Definition(
        "maxdailycreditperuser", bool, True, _("Limits per day that accounts have of their own are heeded.")
    ),
    _number(
        "checkmaxdyndailycredit",
        0,
        _(
            "A day may cost no more than a multiple of the dearest day before. 0: off, 1: for subscribers, 2: and customer trunks."
        ),
        2,
    ),
    _amount(
        "maxdyndailycreditforenduser_min",
        _("Up to this the limit by earlier days does not stop a subscriber."),
        "10",
        account=False,
    ),
    _amount(
        "maxdynmaxdailycreditforts_min",
        _("Up to this the limit by earlier days does not stop a customer trunk."),
        "100",
        account=False,
    ),
    _number(
        "maxdyndailycredit_multiplier",
        7,
        _("How many times the dearest day before a day may cost."),
        1000,
        least=1,
    ),
    _number(
        "quotadiscreason", 403, _("The SIP status that a caller over its limit is told."), 699, least=400
    ),
    # What has to be there before a call is routed
    _amount("mincreditonroute", _("With less to spend the account's calls are not routed.")),
    _amount("minusercreditonroute", _("The same for all accounts together with their own."), account=False),
    _number(
        "minspeachlenonroute",
        0,
        _("Calls that the caller cannot pay for so many seconds are not routed."),
        86_400,
    ),
    # Time
    _number(
        "maxslperday",
        0,
        _("Seconds that the account may talk in a day, or a carrier carries; 0: no limit."),
        7 * 86_400 * 1000,
        account=True,
    ),
    _number(
        "maxslpermonth",
        0,
        _("Seconds that the account may talk in a month, or a carrier carries; 0: no limit."),
        _MONTH_SECONDS * 1000,
        account=True,
    ),
    _number(
        "calcmaxsl",
        -1,
        _("Limits of seconds are heeded. -1: where there are any, 0: no, 1: yes."),
        1,
        least=-1,
    ),
    # Prices that are missing, too high, or too low
    _number(
        "blocknotbilledcalls",
        0,
        _(
            "Calls are refused 1: without a price in a list, 2: or whose prefix is empty, 3: or whose list is not the account's own; "
            "4: nor may the prefix of a reseller's price be empty, 5: nor its list be another's."
        ),
        5,
    ),
    _number(
        "vgetpriceexactmatch",
        0,
        _("Rates with an empty prefix price no calls: 0: they do, 1: not for resellers, 2: for nobody."),
        2,
    ),
    _number(
        "notbilledcallerr",
        0,
        _("How calls without a price are logged: 0: as a warning, 1: as an error, 2: as critical."),
        2,
    ),
    _number(
        "blocknotprofitablecalls",
        0,
        _(
            "Carriers are passed over that cost more than the call brings. 0: no, 1: yes, 2: as much, too, 3: those whose price is "
            "not in a list, too."
        ),
        3,
    ),
    _amount(
        "blockhighcostcalls",
        _("Carriers are passed over that cost more than this a minute; empty or 0: no limit."),
        account=False,
    ),
)
