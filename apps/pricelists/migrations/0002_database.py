"""What runs by the clock."""

from django.db import migrations

from apps.core.jobs import NEEDED, at


class Migration(migrations.Migration):
    replaces = [
        ("pricelists", "0002_notices"),
    ]
    dependencies = [
        ("pricelists", "0001_price_lists"),
        NEEDED,
    ]
    operations = [
        at({"minute": "*/10"}, "Notices of prices that wait for delivery", "apps.pricelists.tasks.deliver_waiting_notices"),
        at({"minute": "40", "hour": "2"}, "Old price lists", "apps.pricelists.tasks.forget_old_lists"),
    ]
