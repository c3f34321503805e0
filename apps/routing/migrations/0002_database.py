"""Changes of these tables are told to the switch (see `apps.core.notify`), and what keeps them current runs by the clock."""

from django.db import migrations

from apps.core.jobs import NEEDED, every
from apps.core.notify import notices_of


class Migration(migrations.Migration):
    replaces = [
        ("routing", "0002_initial"),
        ("routing", "0003_notices"),
        ("routing", "0004_trunk_health"),
        ("routing", "0005_trunk_jobs"),
        ("routing", "0006_conditions_and_best_route"),
        ("routing", "0007_no_trunk_quality"),
    ]
    dependencies = [
        ("routing", "0001_initial"),
        NEEDED,
    ]
    operations = [
        notices_of("routing_routerule", "routes"),
        notices_of("routing_routetarget", "routes"),
        notices_of("routing_trunkhealth", "health"),
        notices_of("routing_routerule_calendars", "routes"),
        notices_of("routing_routerule_groups", "routes"),
        notices_of("routing_bestroute", "routes"),
        every(3, "seconds", "Trunks that do badly", "apps.routing.tasks.judge_trunks"),
        every(6, "hours", "Statistics of trunks that are old", "apps.routing.tasks.forget_old_trunk_statistics"),
    ]
