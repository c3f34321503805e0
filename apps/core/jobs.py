"""Jobs that run by the clock are rows, because an operator may move or stop them in the admin: made once, then theirs."""

from __future__ import annotations

import json

from django.db.migrations.operations import RunSQL

NEEDED = ("django_celery_beat", "0019_alter_periodictasks_options")
"""What a migration with jobs depends on: the columns named below are as that one left them."""
ALWAYS = dict.fromkeys(("minute", "hour", "day_of_month", "month_of_year", "day_of_week"), "*")
JOB = """
INSERT INTO django_celery_beat_periodictask
  (name, task, args, kwargs, headers, enabled, total_run_count, date_changed, description, one_off, {kind}_id)
SELECT %s, %s, %s, '{{}}', '{{}}', true, 0, now(), '', false, min(id)
FROM django_celery_beat_{kind}schedule WHERE ({columns}) = ({places}) ON CONFLICT (name) DO NOTHING
"""
SCHEDULE = """
INSERT INTO django_celery_beat_{kind}schedule ({columns}) SELECT {places}
WHERE NOT EXISTS (SELECT FROM django_celery_beat_{kind}schedule WHERE ({columns}) = ({places}))
"""


def every(count: int, period: str, name: str, task: str) -> RunSQL:
    """Migration operation: the Celery task runs every `count` seconds, minutes or hours (`period`)."""
    return _job("interval", {"every": count, "period": period}, name, task)


def at(when: dict[str, str], name: str, task: str, *args: str) -> RunSQL:
    """Migration operation: the Celery task runs with `args` when a UTC clock matches; `{"minute": "5"}`: at five past each hour."""
    return _job("crontab", {**ALWAYS, **when, "timezone": "UTC"}, name, task, *args)


def _job(kind: str, when: dict[str, str | int], name: str, task: str, *args: str) -> RunSQL:
    # As SQL: for Python, Django builds all models anew at each of these.
    names = {"kind": kind, "columns": ", ".join(when), "places": ", ".join(["%s"] * len(when))}
    values = [*when.values()]
    return RunSQL(
        [
            (SCHEDULE.format(**names), [*values, *values]),
            (JOB.format(**names), [name, task, json.dumps(args), *values]),
        ],
        [("DELETE FROM django_celery_beat_periodictask WHERE name = %s", [name])],
    )
