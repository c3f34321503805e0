"""Money while calls run, and what prices depend on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition


def _amount(text: str, most: Decimal, decimals: int) -> bool:
    """Whether the text is a plain number from 0 to `most` with no more decimals."""
    plain = text.isascii() and text.replace(".", "", 1).isdigit() and len(text.partition(".")[2]) <= decimals
    return plain and Decimal(text) <= most


def is_percent(text: str) -> str:
    return "" if _amount(text, Decimal(100), 2) else f"{text[:20]!r} is not a percentage from 0 to 100."


def is_price(text: str) -> str:
    return "" if not text or _amount(text, Decimal(10**9), 6) else f"{text[:20]!r} is not a price."


def _prefix(text: str) -> str:
    fits = len(text) <= 20 and not text.strip("0123456789*#")
    return "" if fits else f"{text[:30]!r} is not the beginning of a number: digits, * and # only."


def _percent(key: str, help: Any) -> Definition:
    return Definition(key, str, "0", help, check=is_percent, account=True)


def _price(key: str, default: str, help: Any) -> Definition:
    return Definition(key, str, default, help, check=is_price)


def _hour(key: str, default: int, help: Any) -> Definition:
    return Definition(key, int, default, help, minimum=0, maximum=23)


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "hold_seconds",
        int,
        60,
        _("For how many seconds of a call money is set aside at a time."),
        minimum=5,
        maximum=3600,
    ),
    Definition(
        "hold_extend_before",
        int,
        15,
        _("Seconds before a hold is used up when the next is asked for."),
        minimum=1,
        maximum=600,
    ),
    Definition(
        "prepaid_when_database_away",
        str,
        "refuse",
        _("New prepaid calls while the database is away."),
        choices=("refuse", "allow"),
    ),
    Definition(
        "database_away_allowance_seconds",
        int,
        120,
        _("How long such a call may last, if allowed."),
        minimum=1,
        maximum=3600,
    ),
    # Hours (guide 4604, 4671, 4733, 4738-4740, 4775, 12492-12495). The guide does not say when evening and night begin.
    _hour("peaktimebegin", 9, _("The hour at which the peak time begins.")),
    _hour("peaktimeend", 19, _("The hour at which the peak time ends.")),
    Definition("weekendispeak", bool, False, _("Saturday and Sunday have a peak time too.")),
    _hour("eveningbegin", 18, _("The hour at which the evening begins.")),
    _hour("nightbegin", 22, _("The hour at which the night begins; it lasts until the peak time.")),
    Definition(
        "autoholiday",
        bool,
        False,
        _("Holidays count as Sundays in time windows; otherwise only windows for holidays hold on them."),
    ),
    # The guide's 1 to 4 (4026) in their order.
    Definition(
        "currencyconversion",
        str,
        "payer",
        _(
            "Currency of the prices in call records: ours, the price list's, the payer's if the price list is in it "
            "(else ours), or the payer's. What is charged is always in the payer's."
        ),
        choices=("native", "list", "match", "payer"),
    ),
    # What comes off the list price of an account, and what a sales person earns (guide 1613-1615, 1722-1732, 10590)
    *(
        definition
        for number in (1, 2, 3)
        for definition in (
            _percent(f"discount{number}", _("Discount on calls to the numbers of the direction, per cent.")),
            Definition(
                f"direction{number}",
                str,
                "",
                _("What numbers begin with to which this discount belongs; empty: all."),
                check=_prefix,
                account=True,
            ),
        )
    ),
    _percent(
        "reduction", _("Taken off every price, at the cost of the sales person's commission, per cent.")
    ),
    # In place of the guide's incduration (10744-10762), which makes calls longer than they were.
    _percent(
        "accountsurcharge",
        _(
            "On top of the prices of the account's list, per cent; its price list, call records and invoices show it. Calls stay as long as they were."
        ),
    ),
    Definition(
        "accountsurcharge_resellers",
        bool,
        False,
        _("A reseller pays the surcharge on its own prices too; otherwise only customers pay it."),
        account=True,
    ),
    Definition(
        "addedby",
        str,
        "",
        _("User name of the sales person who earns a commission on the calls."),
        account=True,
    ),
    _percent(
        "commission", _("What the account earns as a sales person of the prices of its customers, per cent.")
    ),
    Definition(
        "salescomissionfromprofit",
        bool,
        False,
        _("Commissions are a share of the profit on the list price; otherwise of the list price."),
    ),
    # Prices outside of price lists, per minute in the installation's currency (guide 4605, 4655-4656, 4683, 4690,
    # 4763-4764, 10796-10800). The guide bills short numbers by internal_… and has shortnum_… as well: the latter it is.
    Definition(
        "freenumlen", int, 0, _("Numbers of so many digits or fewer are free; 0: none."), minimum=0, maximum=9
    ),
    Definition(
        "billshortnumlength",
        int,
        0,
        _("Numbers of so many digits or fewer are short and priced apart; 0: none."),
        minimum=0,
        maximum=9,
    ),
    Definition(
        "shortnumbill_type",
        str,
        "prefix",
        _("Short numbers have the price of the number with 999 before it, or one fixed price."),
        choices=("prefix", "fixed"),
    ),
    _price("shortnum_endusercost", "0", _("What customers pay for short numbers with a fixed price.")),
    _price("shortnum_providercost", "0", _("What carriers are paid for short numbers with a fixed price.")),
    _price("internal_endusercost", "0", _("What callers pay for calls to subscribers of ours.")),
    _price(
        "defaultenduserprice", "", _("What customers pay where no price list has a price; empty: no call.")
    ),
    _price(
        "defaultproviderprice", "", _("What carriers cost where no price list has a price; empty: not used.")
    ),
    # Messages (guide 6846-6852). A price list for messages has prices per minute too: a message counts as one.
    _price(
        "smsprice", "0", _("What a message costs, a minute of its time, where no price list has a price.")
    ),
    Definition(
        "smstime",
        int,
        -1,
        _(
            "As how many seconds a message counts; -1: a minute for 160 characters, and another for every 140 more."
        ),
        minimum=-1,
        maximum=3600,
    ),
)
