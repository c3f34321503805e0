"""What accounts get on top of their money, how long prepaid money holds, and how resellers pay (guide 3961-3977, 4404-4406, 7199-7228, 10766-10778)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition
from apps.config.registry.money import is_percent, is_price


def _prefixes(text: str) -> str:
    fits = all(part.strip().isascii() and part.strip().isdigit() for part in text.split(",") if text)
    return "" if fits else f"{text[:30]!r} is no list of beginnings of numbers with commas."


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "checkfreeminutes",
        int,
        2,
        _("2: calls use what accounts have been given free; less: they do not."),
        minimum=0,
        maximum=2,
    ),
    Definition(
        "freedirections",
        str,
        "",
        _("Only calls to numbers that begin so, with commas, use what accounts have been given; empty: all."),
        check=_prefixes,
    ),
    # The guide has no name for it: a bonus on top of what is paid in.
    Definition(
        "topupbonus",
        str,
        "0",
        _("Bonus on a payment, per cent; taken back with it."),
        check=is_percent,
        account=True,
    ),
    Definition("topupbonusfrom", str, "", _("Payments of less have no bonus."), check=is_price, account=True),
    Definition(
        "accountcancelapse",
        bool,
        False,
        _("Prepaid balances expire; each payment puts that off."),
        account=True,
    ),
    Definition(
        "creditelapseunit",
        str,
        "",
        _("How much of a payment lasts for one day; empty: maxcreditelapseday, whatever is paid."),
        check=is_price,
        account=True,
    ),
    Definition(
        "maxcreditelapseday",
        int,
        365,
        _("The most days that a payment puts the expiry off."),
        minimum=1,
        maximum=36_500,
        account=True,
    ),
    Definition(
        "accelapseday",
        int,
        0,
        _("So many days after its balance the account itself expires and is disabled; 0: never."),
        minimum=0,
        maximum=36_500,
        account=True,
    ),
    # Resellers
    Definition(
        "defearlypay",
        int,
        0,
        _(
            "Resellers pay 1: for each call of their customers, 2: when they give their customers credit, 0: as earlypay says."
        ),
        minimum=0,
        maximum=2,
    ),
    Definition(
        "earlypay",
        bool,
        False,
        _("The reseller pays when it gives credit, not for calls (the guide's stage 9)."),
        account=True,
    ),
    Definition(
        "allow_sellbelowcost",
        bool,
        False,
        _("A reseller may ask less for a minute than it pays for it; otherwise such calls are refused."),
        account=True,
    ),
)
