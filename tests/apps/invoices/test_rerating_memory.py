"""What re-rating remembers from call to call makes it quicker and changes no price."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from apps.config.services import set_value
from apps.groups.services import add_members, create_group
from apps.invoices.services.rerating.memory import END, NONE, NULL, Memory, money_of, payer_of, rest_of
from apps.invoices.services.rerating.office import opened
from apps.invoices.services.rerating.pricing import BETWEEN, NoPrice, Pricer, call_of
from apps.pricing import services as pricing
from apps.pricing.engine.price_lists import PriceLists
from apps.pricing.models import TimeWindow
from apps.users import services as users
from tests import make

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(("number", "stem"), [
    ("36201234567", "3620"), ("3621", "362"), ("36301", "3630"), ("3639", "363"), ("44", "44"), ("4412", "44"), ("999", ""), ("", ""), ("3", "3"), ("36", "36"),
])  # fmt: skip
def test_of_a_number_counts_what_prefixes_tell_apart(number: str, stem: str) -> None:
    memory = Memory.of(PriceLists(), ["36", "3620", "3630", "44", ""])
    assert memory.stem(number) == stem


def test_prefixes_of_a_number_are_those_of_its_stem() -> None:
    chance = random.Random(5)
    prefixes = {str(chance.randrange(1, 10 ** chance.randint(1, 5))) for _ in range(300)}
    memory = Memory.of(PriceLists(), prefixes)
    for _ in range(2000):
        number = str(chance.randrange(1, 10**8))
        stem = memory.stem(number)
        assert [one for one in prefixes if number.startswith(one)] == [
            one for one in prefixes if stem.startswith(one)
        ]


def test_numbers_that_settings_make_free_or_short_are_looked_at_one_by_one() -> None:
    def key(memory: Memory, called: str) -> Any:
        return memory.key(["1", "1", "9", "9", "5", "", called, "7", NULL, "voice", NULL, ""], 5)

    plain, short = Memory.of(PriceLists(), ["36"]), Memory.of(PriceLists(), ["36"], short=4)
    assert key(plain, "") is None and key(plain, "1") and key(short, "36123")
    assert key(short, "3612") is None


def outcome(pricer: Pricer, words: list[str]) -> Any:
    """Of a call without prices so far: each that it gets."""
    try:
        return sorted((payer, new) for payer, _old, new in pricer.changes(words, ""))
    except NoPrice as error:
        return str(error)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_price_is_the_same_whatever_was_priced_before(seed: int) -> None:
    """Lists with dates, lengths and hours, discounts for directions, tariffs by the caller's number, by trunk, group and tech
    prefix, for messages and for calls at the charge of who is called; calls in any order."""
    chance = random.Random(seed)
    top = make.reseller()
    callers = [
        make.subscriber(parent=top),
        make.subscriber(parent=top, vat_rate=Decimal(20)),
        make.subscriber(),
        *(make.subscriber(parent=top, vat_rate=Decimal(vat)) for vat in (0, 0, 20, 20)),
    ]
    carriers = [make.carrier(), make.carrier()]
    night = TimeWindow.objects.create(name="night", weekdays=127, starts="22:00", ends="06:00")
    for kind, holders in (("retail", [*callers[:3], top]), ("reseller", [top]), ("carrier", carriers)):
        for holder in holders:
            made = make.tariff(kind)
            for prefix in {
                "",
                "9993613",
                *(str(chance.randrange(1, 10 ** chance.randint(1, 5))) for _ in range(25)),
            }:
                limits = chance.choice([{}, {}, {"min_digits": 11}, {"max_digits": 11}])
                begun = chance.choice([None, None, datetime(2026, 5, 1, 6, tzinfo=UTC)])
                fields = limits | ({"valid_from": begun} if begun else {})
                make.rate(made, prefix, f"0.{chance.randrange(1, 999):03}", **fields)
                if holder is callers[2] and chance.random() < 0.3:
                    make.rate(made, prefix, "0.009", window=night, **fields)
            pricing.assign_tariff(account=holder, tariff=made)
    other = make.tariff(prices={"": "0.5", "3": "0.7"})
    pricing.assign_tariff(
        account=callers[0], tariff=other, caller_prefix="44", valid_until=datetime(2026, 5, 1, 18, tzinfo=UTC)
    )
    trunk = make.account("customer_trunk")
    gold = create_group(name="gold")
    add_members(group=gold, accounts=[callers[1]])
    for holder, kind, conditions in (
        (callers[0], "retail", {"caller": trunk}),
        (callers[1], "retail", {"caller_group": gold}),
        (callers[2], "retail", {"tech_prefix": "99"}),
        (carriers[0], "carrier", {"caller": callers[2]}),
        (callers[0], "retail", {"service": "sms"}),
        (callers[0], "retail", {"service": "inbound"}),
        (top, "reseller", {"service": "inbound"}),
    ):
        price = f"0.{chance.randrange(1, 999):03}"
        pricing.assign_tariff(
            account=holder, tariff=make.tariff(kind, prices={"": price, "31": "0.4"}), **conditions
        )
    for key, value in {"discount1": "10", "direction1": "31", "discount2": "20", "direction2": "312"}.items():
        users.set_own(account=callers[1], key=key, value=value)
    if seed > 1:  # numbers of three digits are free, those of up to five have a price apart
        set_value(key="freenumlen", value="3")
        set_value(key="billshortnumlength", value="5")
        set_value(key="shortnumbill_type", value=["fixed", "prefix"][seed % 2])
        set_value(key="shortnum_endusercost", value="0.77")
    places = [str(chance.randrange(100, 10 ** chance.choice([4, 5]))) for _ in range(12)]
    calls = []
    for _ in range(900):
        answered = NOON + chance.randrange(-43_200, 43_200) + chance.random()
        inside, seconds = chance.random() < 0.2, chance.randrange(0, 400)
        service = chance.choice(["voice", "sms", "inbound"]) if inside else "voice"
        calls.append([
            f"{answered - 3:.6f}", f"{answered:.6f}", str(seconds), str(max(0, seconds - chance.choice([0, 0, 7]))),
            str(chance.choice(callers).pk), chance.choice(["442012", "361234"]),
            chance.choice(places) + str(chance.randrange(10**6, 10**7)) if chance.random() < 0.8 else chance.choice(["112", "3612", "3613", "44201", "361234567", ""]),
            NULL if inside else str(chance.choice(carriers).pk), str(chance.choice(callers[:2]).pk) if inside else NULL,
            service, chance.choice([*[NULL] * 6, str(trunk.pk)]), chance.choice([*[""] * 6, "99"]),
        ])  # fmt: skip
    with opened() as office:
        remembering, plain = Pricer(office), Pricer(office)
        tariffs = office.memory.tariffs
        differences, known = [], 0
        for words in calls:
            key = office.memory.key(words, office.like(words[4]))
            known += office.memory.plans.get(key) is not None  # type: ignore[arg-type]
            found = outcome(remembering, words)
            try:
                expected: Any = sorted(
                    (payer_of(kind, account), money_of(one) + rest_of(one, tariffs.get(one.rate_id)))
                    for kind, account, one in plain.prices(call_of(words))
                )
            except NoPrice as error:
                expected = str(error)
            if found != expected:
                differences.append((words, found, expected))
            if not isinstance(found, str):
                prices = [payer + columns for payer, columns in found]
                assert remembering.changes(words, BETWEEN.join(prices)) == []
                if found:
                    payer, columns = found[0]
                    more = f"9{columns}"  # more seconds were billed
                    changed = remembering.changes(words, BETWEEN.join([payer + more, *prices[1:]]))
                    assert changed == [(payer, more, columns)]
                    assert columns.split(END)[13] in {*remembering.terms, NONE}
        assert not differences, differences[0]
    assert known > 20  # so that memory was asked at all
