"""Changes of these tables are told to the switch (see `apps.core.notify`)."""

from django.db import migrations

from apps.core.notify import notices_of


class Migration(migrations.Migration):
    replaces = [
        ("numbers", "0002_notices"),
        ("numbers", "0003_rules"),
        ("numbers", "0004_rule_notices"),
    ]
    dependencies = [
        ("numbers", "0001_initial"),
    ]
    operations = [
        notices_of("numbers_numberlist", "numbers"),
        notices_of("numbers_listednumber", "numbers"),
        notices_of("numbers_rewriterule", "numbers"),
        notices_of("numbers_prefixrule", "numbers"),
    ]
