"""What the levels of rights let a reseller do: the table, and the rules that turn settings into one answer. Pure.

The guide names the numbers and what 8, 10, 11, 12 and 30 take away or give; what "minimal", "increased" and "full" are, it
leaves open. Here minimal only looks, increased also works on accounts further below, and full may also let accounts
spend below zero.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Rights:
    """What a reseller may do for the accounts below it."""

    accounts: bool = True  # open and change them, give them credit
    resellers: bool = True  # open resellers below it
    tariffs: bool = True  # have price lists of its own
    cheaper: bool = True  # ask less in them than the house asks of its own customers
    further: bool = False  # all that, for accounts that other resellers below it look after
    postpaid: bool = False  # let accounts spend below zero

    def within(self, other: Rights) -> Rights:
        """What both may: nobody gives away more than they have."""
        return Rights(
            **{one.name: getattr(self, one.name) and getattr(other, one.name) for one in fields(Rights)}
        )


NOTHING = Rights(accounts=False, resellers=False, tariffs=False, cheaper=False)

#: By the value of the setting `rights`; the guide's number beside it.
LEVELS: dict[str, Rights] = {
    "minimal": NOTHING,  # 0
    "no_tariffs_no_resellers": Rights(resellers=False, tariffs=False),  # 8
    "no_tariffs": Rights(tariffs=False),  # 10
    "no_cheaper_tariffs": Rights(cheaper=False),  # 11
    "no_resellers": Rights(resellers=False),  # 12
    "normal": Rights(),  # 30
    "increased": Rights(further=True),  # 40
    "full": Rights(further=True, postpaid=True),  # 60
}


def resolve(
    *, level: str, set_for_it: bool, create_resellers: str, edit_tariffs: str, billed_early: bool
) -> Rights:
    """The rights of one reseller, without those above it.

    1. The level says what it may (guide 7229-7237, 12715-12729).
    2. `allow_createresellers` and `allow_tariffedit`, where they say yes or no, have the last word on what they name; a
       minimal reseller stays one that looks.
    3. One that is billed early has no price lists of its own unless `allow_tariffedit` says yes or the level was chosen for
       it: with cheap ones its customers would call for more than it has paid (guide 7221-7228).
    4. Nor may its accounts spend below zero, because nobody would have paid for that.
    """
    found = LEVELS[level]
    if level == "minimal":
        return found
    tariffs = found.tariffs and not (billed_early and not set_for_it)
    return Rights(
        accounts=found.accounts,
        resellers=_answer(create_resellers, found.resellers),
        tariffs=_answer(edit_tariffs, tariffs),
        cheaper=found.cheaper,
        further=found.further,
        postpaid=found.postpaid and not billed_early,
    )


def _answer(said: str, otherwise: bool) -> bool:
    return {"yes": True, "no": False}.get(said, otherwise)
