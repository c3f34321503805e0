"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    replaces = [
        ("pricing", "0002_initial"),
        ("pricing", "0003_notices"),
        ("pricing", "0004_rating_engine"),
        ("pricing", "0005_currency_precision"),
        ("pricing", "0006_packet_tariffs"),
        ("pricing", "0007_tariff_owner"),
    ]
    dependencies = [
        ("pricing", "0001_initial"),
    ]
    operations = [
        notices_of("pricing_rate", "deck", key="tariff_id"),
        notices_of("pricing_tariff", "deck", key="id"),
        notices_of("pricing_timewindow", "tariffs"),
        notices_of("pricing_tariffassignment", "tariffs"),
        notices_of("pricing_exchangerate", "tariffs"),
        notices_of("pricing_calendar", "tariffs"),
        notices_of("pricing_calendarday", "tariffs"),
        notices_of("pricing_tariff_calendars", "tariffs"),
    ]
