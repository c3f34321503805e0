"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    dependencies = [("routing", "0002_initial")]
    operations = [
        notices_of("routing_routerule", "routes"),
        notices_of("routing_routetarget", "routes"),
    ]
