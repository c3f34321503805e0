"""Changes of who is in a group are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    dependencies = [("groups", "0001_initial")]
    operations = [notices_of("groups_groupmember", "accounts")]
