"""Brings the database up to date and makes the first data once (demo data, or with MIZU_DEMO=0 an administrator): `python -m mizu_site.run.prepare`.

One process for all of it, because loading Django takes longer than the work; none when nothing has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import psycopg2

from mizu_site.leaving import leave
from mizu_site.run.checks import dsn
from mizu_site.run.place import ROOT, Place

STAMP = "prepared.json"
LOGINS = "logins.json"


def is_needed(place: Place) -> bool:
    """Whether anything that decides about tables and first data is not as it was when they were made."""
    try:
        stamp = json.loads((place.var / STAMP).read_text())
    except (OSError, ValueError):
        return True
    return bool(stamp != _stamp(place)) or not (place.var / LOGINS).exists()


def main() -> None:
    place = Place.read()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=1)
    if not (place.var / LOGINS).exists():
        call_command("seed_demo", empty=os.environ.get("MIZU_DEMO") == "0")
    (place.var / STAMP).write_text(json.dumps(_stamp(place)))


def _stamp(place: Place) -> dict[str, str | int]:
    """What our files ask for and what the database says that it has."""
    return {"files": _files_hash(), "applied": _applied(place)}


def _files_hash() -> str:
    files = [ROOT / "constraints.txt", ROOT / "mizu_site" / "settings.py"]
    files += sorted(Path(ROOT / "apps").glob("*/migrations/*.py"))
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return whole.hexdigest()


def _applied(place: Place) -> int:
    """How many migrations the database has; -1 when it has never seen one."""
    connection = psycopg2.connect(dsn(place.environment()["DATABASE_URL"]))
    try:
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from django_migrations")
            return int(cursor.fetchone()[0])
    except psycopg2.errors.UndefinedTable:
        return -1
    finally:
        connection.close()


if __name__ == "__main__":
    main()
    leave(0)
