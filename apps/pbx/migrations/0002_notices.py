"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    dependencies = [("pbx", "0001_initial")]
    operations = [
        notices_of("pbx_forward", "features"),
        notices_of("pbx_ringgroup", "features"),
        notices_of("pbx_ringmember", "features"),
        notices_of("pbx_speeddial", "features"),
    ]
