"""What resellers may do for the accounts below them, and what their customers may (guide 7225-7252, 12715-12729)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apps.config.registry.definition import Definition
from apps.config.registry.money import is_price

#: The guide's numbers 0, 8, 10, 11, 12, 30, 40 and 60, in their order.
RIGHTS = ("minimal", "no_tariffs_no_resellers", "no_tariffs", "no_cheaper_tariffs", "no_resellers", "normal", "increased", "full")  # fmt: skip
_ANSWERS = ("default", "no", "yes")


def _feature(key: str, help: object) -> Definition:
    return Definition(key, bool, True, help, account=True)  # type: ignore[arg-type]


SETTINGS: tuple[Definition, ...] = (
    Definition(
        "maxresellers",
        int,
        0,
        _("So many resellers may stand one below the other; 0: as many as the tree holds."),
        minimum=0,
        maximum=30,
    ),
    Definition(
        "rights",
        str,
        "normal",
        _(
            "What a reseller may do in the portal (the guide's 0, 8, 10, 11, 12, 30, 40, 60); never more than the resellers above it."
        ),
        choices=RIGHTS,
        account=True,
    ),
    Definition(
        "allow_createresellers",
        str,
        "default",
        _("Resellers may open resellers below them; default: as rights says."),
        choices=_ANSWERS,
        account=True,
    ),
    Definition(
        "allow_tariffedit",
        str,
        "default",
        _(
            "Resellers may have price lists of their own; default: as rights says, but one that is billed early only if rights was set for it."
        ),
        choices=_ANSWERS,
        account=True,
    ),
    Definition(
        "defaultcredit",
        str,
        "",
        _("Credit that an account begins with which a reseller opens; empty: none."),
        check=is_price,
        account=True,
    ),
    _feature("feature_creditedit", _("Resellers may enter and take back credit of accounts below them.")),
    _feature("feature_creditfornewusers", _("Resellers may give accounts credit when they open them.")),
    Definition(
        "feature_transfercredit",
        bool,
        False,
        _("Accounts may pass credit of their own to another account of the same reseller."),
        account=True,
    ),
    _feature("feature_recharge", _("Accounts may redeem vouchers in the portal.")),
    Definition(
        "vouchertries",
        int,
        5,
        _("After so many codes that are none an account cannot redeem vouchers for voucherlockminutes."),
        minimum=1,
        maximum=100,
    ),
    Definition(
        "voucherlockminutes",
        int,
        60,
        _("How long an account that has tried too many codes waits; older tries are forgotten."),
        minimum=1,
        maximum=10_080,
    ),
    _feature("feature_seeowntariffs", _("Accounts see the price list that they pay by.")),
    _feature("feature_createtariffs", _("Resellers may begin new price lists.")),
    _feature(
        "feature_hasbasetariffs",
        _(
            "Resellers may choose a price list of theirs that all below them pay by who have none of their own."
        ),
    ),
)
