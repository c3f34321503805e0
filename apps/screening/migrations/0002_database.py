"""Everybody is heard at first; changes of these tables are told to the switch (see `apps.core.notify`), and what runs by the clock."""

from django.db import migrations

from apps.core.jobs import NEEDED, at
from apps.core.notify import notices_of

BLOCK = "apps.screening.tasks.block_failing_numbers"


def hear_everybody(apps, schema_editor):
    comment = "Everybody is heard but those who are not: do not change this without allowing your own address."
    apps.get_model("screening", "FirewallRule").objects.create(source="*", allowed=True, comment=comment)



class Migration(migrations.Migration):
    replaces = [
        ("screening", "0002_jobs"),
        ("screening", "0003_firewall"),
        ("screening", "0004_statistics"),
        ("screening", "0005_callers"),
        ("screening", "0006_alerts"),
    ]
    dependencies = [
        ("screening", "0001_lists"),
        NEEDED,
    ]
    operations = [
        migrations.RunPython(hear_everybody, migrations.RunPython.noop),
        notices_of("screening_screenednumber", "listed", key="book"),
        notices_of("screening_firewallrule", "screening"),
        notices_of("screening_callerstanding", "screening"),
        at({"minute": "25"}, "Listed numbers that have expired", "apps.screening.tasks.forget_expired_numbers"),
        at({}, "Bans of the switch", "apps.screening.tasks.store_bans"),
        at({"minute": "7"}, "Numbers that failed within an hour", BLOCK, "hourly"),
        at({"minute": "12", "hour": "1"}, "Numbers that failed within a day", BLOCK, "daily"),
        at({"minute": "22", "hour": "2", "day_of_week": "1"}, "Numbers that failed within a week", BLOCK, "weekly"),
        at({"minute": "32", "hour": "3", "day_of_month": "1"}, "Numbers that failed within a month", BLOCK, "monthly"),
        at({}, "Numbers that were tried too often", "apps.screening.tasks.block_repeated_numbers"),
        at({"minute": "17"}, "Callers by their statistics", "apps.screening.tasks.judge_callers"),
        at({"minute": "*/5"}, "Accounts that spend unlike themselves", "apps.screening.tasks.tell_of_unusual_spending"),
    ]
