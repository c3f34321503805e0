"""Time windows and calendars: what an operator may write, and what the switch gets of it."""

from datetime import UTC, date, datetime, time

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from apps.config import services as config
from apps.pricing import services, snapshot
from apps.pricing.calendars import EPOCH, dates_of, public_holidays
from apps.pricing.models import Calendar, CountsAs, Pattern
from tests import make

pytestmark = pytest.mark.django_db
HUNGARY_2026 = {  # with the two days that were exchanged for Saturdays
    date(2026, 1, 2), date(2026, 8, 21), date(2026, 1, 1), date(2026, 3, 15), date(2026, 4, 3), date(2026, 4, 5), date(2026, 4, 6), date(2026, 5, 1),
    date(2026, 5, 24), date(2026, 5, 25), date(2026, 8, 20), date(2026, 10, 23), date(2026, 11, 1),
    date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 26),
}  # fmt: skip


@pytest.fixture
def staff(client):
    client.force_login(make.admin())
    return client


def number(day: date) -> int:
    return (day - EPOCH).days


def spans(window):
    return dict(snapshot.windows())[window.pk]


def calendar(**fields):
    return services.save_calendar(**{"name": "public holidays"} | fields)


def counts(calendar, *, year=2026, sundays=False):
    return dates_of(calendar, [year], holidays_are_sundays=sundays)


@pytest.mark.req("pricing-017", "pricing-028")
def test_the_peak_is_that_of_the_settings_unless_a_window_has_its_own():
    default = services.save_window(name="peak", pattern=Pattern.PEAK)
    own = services.save_window(name="theirs", pattern=Pattern.PEAK, starts=time(8), ends=time(20))
    assert (spans(default), spans(own)) == ([[31, 540, 1140]], [[31, 480, 1200]])
    config.set_value(key="peaktimebegin", value=7)
    config.set_value(key="peaktimeend", value=18)
    config.set_value(key="weekendispeak", value="yes")
    assert (spans(default), spans(own)) == ([[127, 420, 1080]], [[127, 480, 1200]])


def test_evening_and_night_begin_when_the_settings_say():
    evening = services.save_window(name="evening", pattern=Pattern.EVENING)
    night = services.save_window(name="night", pattern=Pattern.NIGHT)
    config.set_value(key="eveningbegin", value=17)
    config.set_value(key="nightbegin", value=23)
    assert (spans(evening), spans(night)) == ([[255, 1020, 1380]], [[255, 1380, 540]])


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"pattern": Pattern.HOURS}, "starts"),
        ({"pattern": Pattern.PEAK, "starts": time(8)}, "ends"),
        ({"pattern": "lunch"}, "pattern"),
        ({"starts": time(8), "ends": time(9), "weekdays": 0}, "__all__"),
        ({"starts": time(8), "ends": time(9), "weekdays": 256}, "__all__"),
    ],
)
def test_a_window_that_means_nothing_is_refused(fields, wrong):
    with pytest.raises(ValidationError) as refused:
        services.save_window(name="odd", **fields)
    assert wrong in refused.value.message_dict


def test_a_country_brings_its_public_holidays():
    found = public_holidays(calendar(country="hu"), [2026])
    assert set(found) == HUNGARY_2026


def test_the_saturdays_that_a_country_works_instead_count_as_fridays():
    found = counts(calendar(country="HU"))
    fridays = {day for day, kind in found.items() if kind == CountsAs.FRIDAY}
    assert fridays == {number(date(2026, 1, 10)), number(date(2026, 8, 8))}


@pytest.mark.parametrize(("region", "assumption"), [("", False), ("BY", True), ("BE", False)])
def test_a_region_has_holidays_of_its_own(region, assumption):
    german = calendar(country="DE", subdivision=region)
    assert (date(2026, 11, 1) in public_holidays(german, [2026])) is assumption  # All Saints
    assert date(2026, 10, 3) in public_holidays(german, [2026])


@pytest.mark.parametrize(("country", "region"), [("ZZ", ""), ("DE", "XX"), ("", "BY")])
def test_a_country_or_region_that_nobody_knows_is_refused(country, region):
    with pytest.raises(ValidationError):
        calendar(country=country, subdivision=region)
    assert not Calendar.objects.exists()


@pytest.mark.req("pricing-034")
def test_own_dates_go_before_the_countrys():
    mine = calendar(country="HU")
    services.save_day(calendar=mine, starts=date(2026, 8, 8), counts_as=CountsAs.SATURDAY, name="not for us")
    services.save_day(calendar=mine, starts=date(2026, 8, 18), ends=date(2026, 8, 19))
    services.save_day(calendar=mine, starts=date(2026, 5, 1), counts_as=CountsAs.FRIDAY)
    found = counts(mine)
    assert [found[number(date(2026, *day))] for day in ((8, 8), (8, 18), (8, 19), (5, 1))] == [5, 7, 7, 4]
    assert number(date(2026, 8, 17)) not in found


def test_holidays_count_as_sundays_where_the_setting_says_so():
    mine = calendar(country="HU")
    services.save_day(calendar=mine, starts=date(2026, 7, 1))
    assert set(counts(mine, sundays=True).values()) == {4, 6}
    config.set_value(key="autoholiday", value="yes")
    ((_, _, dates),) = snapshot.calendars(date(2026, 6, 1))
    assert {kind for _, kind in dates} <= {4, 6}


@pytest.mark.parametrize(
    ("starts", "ends"), [(date(2026, 8, 2), date(2026, 8, 1)), (date(2026, 1, 1), date(2027, 2, 1))]
)
def test_dates_that_end_before_they_begin_or_never_are_refused(starts, ends):
    with pytest.raises(ValidationError) as refused:
        services.save_day(calendar=calendar(), starts=starts, ends=ends)
    assert "ends" in refused.value.message_dict


def test_the_switch_gets_last_year_to_the_year_after_next_and_the_prefixes():
    mine = calendar(country="HU", called_prefixes="36, 40")
    ((pk, prefixes, dates),) = snapshot.calendars(date(2026, 6, 1))
    assert (pk, prefixes) == (mine.pk, ["36", "40"])
    years = {EPOCH.fromordinal(EPOCH.toordinal() + day).year for day, _ in dates}
    assert years == {2025, 2026, 2027, 2028}


def test_a_country_that_was_written_past_the_services_leaves_the_own_dates(caplog):
    mine = Calendar.objects.create(name="odd", country="ZZ")
    services.save_day(calendar=mine, starts=date(2026, 7, 1))
    assert counts(mine) == {number(date(2026, 7, 1)): 7}
    assert "own dates only" in caplog.text


def test_a_tariff_names_its_calendars_and_its_crossing_rule():
    mine, other = calendar(country="HU"), calendar(name="German", country="DE")
    tariff = make.tariff(calendars=[mine], crossing="call_middle", rounding="none")
    services.change_tariff(tariff=tariff, calendars=[mine, other])
    ((*_, rounding, _decimals, crossing, calendars),) = snapshot.tariffs()
    assert (rounding, crossing, calendars) == ("none", "call_middle", [mine.pk, other.pk])
    services.change_tariff(tariff=tariff, decimals=2)
    assert tariff.calendars.count() == 2


def test_the_dates_of_a_calendar_are_shown_with_their_names(staff):
    mine = calendar(country="HU")
    this = datetime.now(UTC).year
    services.save_day(calendar=mine, starts=date(this, 8, 8), counts_as=CountsAs.FRIDAY, name="Works outing")
    page = staff.get(reverse("admin:pricing_calendar_show_dates", args=[mine.pk])).content.decode()
    assert "Works outing" in page
    assert "Friday" in page
    assert "Christmas Day" in page


def test_the_admin_makes_calendars_with_dates_by_the_services(staff):
    data = {"name": "ours", "country": "at", "subdivision": "", "called_prefixes": "43"}
    assert staff.post(reverse("admin:pricing_calendar_add"), data).status_code == 302
    made = Calendar.objects.get()
    page = reverse("admin:pricing_calendar_change", args=[made.pk])
    dates = {
        "own-TOTAL_FORMS": "1", "own-INITIAL_FORMS": "0", "own-MIN_NUM_FORMS": "0", "own-MAX_NUM_FORMS": "99",
        "own-0-calendar": made.pk, "own-0-starts": "2026-08-08", "own-0-ends": "2026-08-09",
        "own-0-counts_as": "4", "own-0-name": "",
    }  # fmt: skip
    backwards = staff.post(page, data | dates | {"own-0-ends": "2026-08-07"})
    assert (backwards.status_code, made.own.count()) == (200, 0)
    assert staff.post(page, data | dates).status_code == 302
    assert (Calendar.objects.get().country, made.own.get().ends) == ("AT", date(2026, 8, 9))
    unknown = staff.post(page, data | {"country": "ZZ", "own-TOTAL_FORMS": "0", "own-INITIAL_FORMS": "0"})
    assert "No holidays are known" in unknown.content.decode()
    assert Calendar.objects.get().country == "AT"
