"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    dependencies = [("pricing", "0002_initial")]
    operations = [
        notices_of("pricing_rate", "deck", key="tariff_id"),
        notices_of("pricing_tariff", "deck", key="id"),
        notices_of("pricing_timewindow", "tariffs"),
        notices_of("pricing_tariffassignment", "tariffs"),
        notices_of("pricing_exchangerate", "tariffs"),
    ]
