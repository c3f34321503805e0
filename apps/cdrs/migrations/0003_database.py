"""Both tables of calls become partitioned by month: a month is dropped, detached or backed up as one piece.

A partitioned table's key must hold the partitioning column, so the primary key is (id, started_at).
Partitions are made by `apps.cdrs.services`, ahead of time and when a record needs one. And what runs by the clock.
"""

from django.db import migrations

from apps.core.jobs import NEEDED, at, every


def partition(table: str, *indexes: str) -> migrations.RunSQL:
    forwards = [
        f"ALTER TABLE {table} RENAME TO {table}_flat",
        f"CREATE TABLE {table} (LIKE {table}_flat INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY,"
        " PRIMARY KEY (id, started_at)) PARTITION BY RANGE (started_at)",
        f"DROP TABLE {table}_flat",
        *indexes,
    ]
    backwards = [
        f"ALTER TABLE {table} RENAME TO {table}_parted",
        f"CREATE TABLE {table} (LIKE {table}_parted INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY,"
        " PRIMARY KEY (id))",
        f"INSERT INTO {table} SELECT * FROM {table}_parted",
        f"DROP TABLE {table}_parted",
        *indexes,
    ]
    return migrations.RunSQL(forwards, backwards)


class Migration(migrations.Migration):
    replaces = [
        ("cdrs", "0003_partitions"),
        ("cdrs", "0004_hang_up_permission"),
        ("cdrs", "0005_sip_traces"),
        ("cdrs", "0006_media_quality"),
        ("cdrs", "0007_rerating"),
    ]
    dependencies = [
        ("cdrs", "0002_initial"),
        NEEDED,
    ]
    operations = [
        partition(
            "cdrs_cdr",
            "CREATE INDEX cdr_time ON cdrs_cdr (started_at DESC, id)",
            "CREATE INDEX cdr_caller ON cdrs_cdr (caller_id, started_at DESC)",
            "CREATE INDEX cdr_carrier ON cdrs_cdr (carrier_id, started_at DESC)",
        ),
        partition(
            "cdrs_cdrprice",
            "CREATE INDEX cdr_price_account ON cdrs_cdrprice (account_id, started_at)",
            "ALTER TABLE cdrs_cdrprice ADD CONSTRAINT a_payer_is_priced_once"
            " UNIQUE (call_id, kind, account_id, started_at)",
        ),
        every(5, "seconds", "SIP traces of the switch", "apps.cdrs.tasks.store_sip_traces"),
        every(1, "hours", "SIP traces that are old", "apps.cdrs.tasks.forget_old_sip_traces"),
        at({"minute": "10", "hour": "1"}, "Partitions of the coming months", "apps.cdrs.tasks.make_partitions"),
        at({}, "Minutes of route targets", "apps.cdrs.tasks.count_route_minutes"),
        at({"minute": "35"}, "Figures of the best route", "apps.cdrs.tasks.measure_best_routes"),
    ]
