"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    dependencies = [("config", "0001_initial")]
    operations = [
        notices_of("config_setting", "settings"),
    ]
