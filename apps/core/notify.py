"""How a change in the office reaches the switch: PostgreSQL tells every compiler what changed.

The tables themselves send the notice (statement triggers), so that nothing that writes can forget it, bulk
imports and hand-written SQL included; it leaves with the transaction's commit. The payload is `part` or
`part:id`, on the channel `mizu_changed`.
"""

from __future__ import annotations

from django.db.migrations.operations import RunSQL

CHANNEL = "mizu_changed"


def notices_of(table: str, part: str, *, key: str = "") -> RunSQL:
    """Migration operation: every change of `table` notifies `part`, once per distinct value of the column `key`."""
    functions, triggers, drops = [], [], []
    for verb, image in (("insert", "new"), ("update", "new"), ("delete", "old")):
        name = f"{table}_{verb}_notice"
        payload = f"'{part}:' || changed.{key}" if key else f"'{part}'"
        rows = f"SELECT DISTINCT {key} FROM changed_rows" if key else "SELECT 1 FROM changed_rows LIMIT 1"  # noqa: S608
        source = f"({rows}) AS changed"
        functions.append(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" PERFORM pg_notify('{CHANNEL}', {payload}) FROM {source}; RETURN NULL; END $$;"
        )
        triggers.append(
            f"CREATE TRIGGER {name} AFTER {verb.upper()} ON {table} REFERENCING {image.upper()} TABLE AS changed_rows"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {name}();"
        )
        drops.append(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();")
    return RunSQL("\n".join(functions + triggers), "\n".join(drops))
