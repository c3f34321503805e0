"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [
        notices_of("users_account", "accounts"),
        notices_of("users_sipcredential", "accounts"),
        notices_of("users_sourceaddress", "accounts"),
        notices_of("users_trunk", "accounts"),
    ]
