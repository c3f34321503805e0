"""Both tables become partitioned by month: a month is dropped, detached or backed up as one piece.

A partitioned table's key must hold the partitioning column, so the primary key is (id, started_at).
Partitions are made by `apps.cdrs.services`, ahead of time and when a record needs one.
"""

from django.db import migrations


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
    dependencies = [("cdrs", "0002_initial")]
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
    ]
