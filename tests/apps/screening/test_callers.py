"""Standings of callers: reckoned from call records, set by hand, forgotten; and what the switch does with them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from apps.cdrs.models import Cdr
from apps.cdrs.services import ensure_months, forget_months
from apps.config.registry import defaults
from apps.config.services import set_value
from apps.screening import services
from apps.screening.models import CallerStanding
from apps.screening.snapshot import bad_callers, known_callers
from apps.users.models import Account
from apps.users.services import set_own
from switch.call.model import Decision
from tests import make
from tests.apps.test_admin import form_of
from tests.switch.call.test_listed_numbers import House, cause
from tests.switch.worlds import NOW as THEN

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _months() -> None:
    forget_months()
    ensure_months(moments=[(NOW - timedelta(days=days)).timestamp() for days in (0, 30, 60, 91)])


def calls(
    count: int, caller: Account, carrier: Account | None, *, number: str = "36301234567", host: str = "198.51.100.7",
    seconds: int | None = None, ago: timedelta = timedelta(minutes=5),
) -> None:  # fmt: skip
    rows = [
        Cdr(
            id=uuid.uuid4(), started_at=NOW - ago, answered_at=None if seconds is None else NOW - ago, ended_at=NOW,
            duration=seconds or 0, caller=caller, carrier=carrier, caller_number=number, caller_address=f"{host}:5060",
        )
        for _ in range(count)
    ]  # fmt: skip
    Cdr.objects.bulk_create(rows)


def judged(autoban: str = "always", **values: object) -> dict[str, int]:
    set_value(key="autoban", value=autoban)
    for key, value in values.items():
        set_value(key=f"autoban_{key}", value=value)
    services.judge_callers(now=NOW)
    return dict(CallerStanding.objects.values_list("key", "good"))


@pytest.mark.req("fraud-019", "fraud-026", "fraud-027", "fraud-039", "fraud-045")
def test_a_caller_is_judged_by_its_number_its_address_both_and_its_account() -> None:
    ada, carrier = make.subscriber(), make.carrier()
    calls(20, ada, carrier)
    found = judged(statmincalls=10)
    assert found == {
        "number:301234567": 0,
        "number_ip:301234567@198.51.100.7": 0,
        "ip:198.51.100.7": 1,  # needs six times as many
        f"user:{ada.pk}": 1,  # three times
    }
    row = CallerStanding.objects.get(key="number:301234567")
    assert (row.calls, row.asr, row.acd, row.expires_at) == (20, 0, 0, NOW + timedelta(days=30))
    calls(40, ada, carrier, seconds=60)
    assert judged()["number:301234567"] == 2 and judged()[f"user:{ada.pk}"] == 2


@pytest.mark.req("fraud-028")
@pytest.mark.parametrize(("autoban", "decided"), [("no", 0), ("manual", 0), ("yes", 4), ("always", 4)])
def test_statistics_decide_only_if_the_setting_lets_them(autoban: str, decided: int) -> None:
    assert defaults()["autoban"] == "no"
    calls(20, make.subscriber(), make.carrier())
    assert len(judged(autoban)) == decided


@pytest.mark.req("fraud-031", "fraud-032")
def test_days_that_are_looked_back_and_that_a_standing_holds() -> None:
    ada, carrier = make.subscriber(), make.carrier()
    calls(1, ada, carrier)
    calls(20, ada, carrier, ago=timedelta(days=89))
    assert judged(statmincalls=10)["number:301234567"] == 0
    assert judged(statdays=60, applydays=3)["number:301234567"] == 1
    assert CallerStanding.objects.get(key="number:301234567").expires_at == NOW + timedelta(days=3)


def test_what_we_refused_ourselves_and_who_has_not_called_lately_are_not_looked_at() -> None:
    ada, carrier = make.subscriber(), make.carrier()
    calls(20, ada, None)
    calls(20, make.subscriber(), carrier, ago=timedelta(hours=3))
    assert judged(statmincalls=10) == {}


@pytest.mark.req("fraud-025", "fraud-055")
def test_what_is_set_by_hand_stays_and_is_told_to_the_switch() -> None:
    calls(20, make.subscriber(), make.carrier())
    until = timezone.now() + timedelta(days=5)
    services.set_standing(key="+36 30 123-4567", good=4, expires_at=until)
    services.set_standing(key="ip:203.0.113.7", good=0, expires_at=until)
    services.set_standing(key="ip:203.0.113.8", good=0, expires_at=timezone.now() - timedelta(days=1))
    assert judged(statmincalls=10)["number:301234567"] == 4
    told = dict(bad_callers())
    assert (
        told["ip:203.0.113.7"] == until.timestamp()
        and "ip:203.0.113.8" not in told
        and "number:301234567" not in told
    )


@pytest.mark.parametrize(
    "key",
    [
        "",
        "ada",
        "special:",
        "special:ip:192.0.2.7",
        "special:special:12",
        "ip:here",
        "user:x",
        "number:",
        "number_ip:12@x",
        "name:5",
        "number_ip:12",
    ],
)
def test_what_names_no_caller_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        services.set_standing(key=key, good=0, expires_at=timezone.now())


@pytest.mark.req("fraud-025", "fraud-056")
def test_an_operator_bans_a_caller_looks_it_up_and_forgets(client: Client) -> None:
    client.force_login(make.admin())
    page = "/admin/screening/callerstanding/add/"
    assert (
        client.post(
            page,
            form_of(client.get(page))
            | {"key": "06 30 123 4567", "expires_at_0": "2030-01-01", "expires_at_1": "00:00:00"},
        ).status_code
        == 302
    )
    row = CallerStanding.objects.get()
    assert (row.key, row.good, row.by_hand) == ("number:301234567", 0, True)
    services.set_standing(key="36301112222", good=2, expires_at=timezone.now())
    listing = "/admin/screening/callerstanding/"
    assert "301234567" in client.get(f"{listing}?q=301234567").content.decode()
    assert client.get(f"{listing}forget-bad/").status_code == 200 and CallerStanding.objects.count() == 2
    client.post(f"{listing}forget-bad/")
    assert CallerStanding.objects.get().good == 2
    client.post(f"{listing}forget-all/")
    assert not CallerStanding.objects.exists()
    client.force_login(make.account("support"))
    assert client.post(f"{listing}forget-all/").status_code == 403


@pytest.mark.req("fraud-046", "fraud-047", "fraud-054")
def test_for_carriers_that_look_at_callers_they_are_judged_apart_by_thresholds_of_their_own() -> None:
    ada, trunk, carrier = make.subscriber(), make.account("customer_trunk"), make.carrier()
    calls(10, ada, carrier, seconds=31)
    calls(4, trunk, carrier, number="12")
    good, bad = "special:number:301234567", f"special:trunk:{trunk.pk}"
    assert judged("carriers") == {good: 2, bad: 0}
    CallerStanding.objects.update(expires_at=timezone.now() + timedelta(days=1))
    assert list(dict(bad_callers())) == [bad]
    assert [(key, what) for key, what, _ in known_callers()] == [(good, "good")]
    assert not [key for key in judged("always") if key.startswith("special:") and key not in {good, bad}]
    CallerStanding.objects.all().delete()
    assert not [key for key in judged("always") if key.startswith("special:")], "no carrier asks for it"
    set_own(account=carrier, key="autoban_special", value="bad")
    found = judged("always", special_good="20/30/40", special_bad="5/1/1")
    assert (found[good], found[bad], found["number:301234567"]) == (1, 1, 1)


def test_an_operator_names_a_caller_for_such_carriers_only() -> None:
    until = timezone.now() + timedelta(days=5)
    keys = {
        "special:+36 30 123-4567": "special:number:301234567", "special:trunk:12": "special:trunk:12",
    }  # fmt: skip
    for written, key in keys.items():
        assert services.set_standing(key=written, good=0, expires_at=until).key == key
    order = {"k": "do", "what": "pressed", "account": 1, "key": "special:user:7", "right": True}
    assert services.keep_pressed(order=order) == ""
    assert {one: what for one, what, _ in known_callers()}["special:user:7"] == "pressed"


# --- in the switch --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("fraud-039", "fraud-040")
@pytest.mark.parametrize(
    "key", ["number:611112222", "number_ip:611112222@198.51.100.7", "ip:198.51.100.7", "user:2"]
)
def test_a_bad_caller_calls_nobody_outside_and_everybody_here(tmp_path: Path, key: str) -> None:
    house = House()
    house.rows["accounts"][1][9] = "+36611112222"
    house.bad_callers = {key: THEN + 60}
    assert cause(house.call(tmp_path, "36301234567")) == ""  # nobody looks by default
    house.settings["autoban"] = "manual"
    assert cause(house.call(tmp_path, "36301234567")) == "caller_banned"
    assert isinstance(house.call(tmp_path, "1002"), Decision)
    other = house.phone("1003", number="+36617778888")
    house.tariff("retail", {"": 1}, to=other)
    expected = "caller_banned" if key.startswith("ip:") else ""
    assert cause(house.call(tmp_path, "36301234567", other)) == expected
    house.firewall += [["198.51.100.0/24", True]]
    assert cause(house.call(tmp_path, "36301234567")) == ""  # an address that we trust
    house.firewall.pop()
    house.bad_callers = {key: THEN - 1}
    assert cause(house.call(tmp_path, "36301234567")) == ""


@pytest.mark.req("fraud-037", "fraud-048")
@pytest.mark.parametrize(
    ("how", "bad", "known", "expected"),
    [
        ("no", "number:611112222", "", "caller_banned"),
        ("banned", "number:611112222", "", "asked"),
        ("banned", "ip:198.51.100.7", "", "asked"),
        ("banned", "number_ip:611112222@198.51.100.7", "", ""),
        ("banned", "number:611112222", "by hand", "caller_banned"),
        ("banned", "number:611112222", "pressed", ""),
        ("banned", "", "", ""),
        ("undecided", "", "", "asked"),
        ("undecided", "", "good", ""),
        ("undecided", "", "pressed", ""),
        ("undecided", "number:611112222", "good", "asked"),
    ],
)
def test_who_is_asked_for_a_key(tmp_path: Path, how: str, bad: str, known: str, expected: str) -> None:
    house = House()
    house.rows["accounts"][1][9] = "+36611112222"
    house.settings |= {"autoban": "manual", "autoban_askkey": how}
    house.bad_callers = {bad: THEN + 60} if bad else {}
    number = "number:611112222"
    house.known_callers = [[number, known, THEN + 60]] if known else []
    found = house.call(tmp_path, "36301234567")
    assert ("asked" if isinstance(found, Decision) and found.ask else cause(found)) == expected
    house.known_callers = [[number, known, THEN - 1]] if known else []
    again = house.call(tmp_path / "later", "36301234567")
    if known in {"pressed", "good"}:
        assert isinstance(again, Decision) and again.ask, "what was known is over"


@pytest.mark.req("fraud-037")
def test_what_became_of_a_question_is_kept_and_judged_again_after_a_day() -> None:
    ada, carrier = make.subscriber(), make.carrier()
    calls(20, ada, carrier)
    key = "number:301234567"
    order = {"k": "do", "what": "pressed", "account": ada.pk, "key": key, "right": True}
    assert services.keep_pressed(order=order) == services.keep_pressed(order=order) == ""
    row = CallerStanding.objects.get()
    assert (row.good, row.by_hand) == (4, False) and row.expires_at > timezone.now() + timedelta(days=29)
    assert {one: what for one, what, _ in known_callers()} == {key: "pressed"}
    CallerStanding.objects.update(changed_at=NOW)
    assert judged(statmincalls=10)[key] == 4
    CallerStanding.objects.update(changed_at=NOW - timedelta(days=1, seconds=1))
    assert judged(statmincalls=10)[key] == 0
    services.keep_pressed(order=order | {"right": False})
    assert CallerStanding.objects.get(key=key).good == 0
    services.set_standing(key=key, good=0, expires_at=timezone.now() + timedelta(days=1))
    services.keep_pressed(order=order)
    assert CallerStanding.objects.get(key=key).good == 0, "what an operator has set stays"
    assert ("by hand" in {what for _, what, _ in known_callers()}) is True
    assert services.keep_pressed(order=order | {"key": "x"}) != ""


def test_the_switch_hears_of_good_callers_only_where_strangers_are_asked() -> None:
    services.set_standing(
        key="36301112222", good=2, expires_at=timezone.now() + timedelta(days=1), by_hand=False
    )
    assert list(known_callers()) == []
    set_value(key="autoban_askkey", value="undecided")
    assert [what for _, what, _ in known_callers()] == ["good"]


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("autoban_special_expecteddtmf", "ABC"),
        ("autoban_special_voicefile", "../etc"),
        ("autoban_askkey", "2"),
        ("autoban_special_good", "10/101/30"),
        ("autoban_special_bad", "10,15,40"),
    ],
)
def test_what_cannot_be_asked_for_is_no_setting(key: str, wrong: str) -> None:
    with pytest.raises(ValidationError):
        set_value(key=key, value=wrong)
