"""The test database's tables: emptied after a test that commits, and filled again as they were when somebody has kept a copy."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.test import TransactionTestCase

STANDING: list[Any] = [ContentType, Permission, Group, Group.permissions.through]
"""What migrations make anew whenever it is missing. To find it there takes a fiftieth of the time of making it."""
UNWATCHED = "SET LOCAL session_replication_role = replica"
"""No trigger hears of what follows and no foreign key is looked after: all tables change together."""


class Emptying:
    """Leaves what Django's flush leaves: the standing rows as migrations make them, and nothing else."""

    def __init__(self) -> None:
        self._flush: Callable[[TransactionTestCase], None] = TransactionTestCase._fixture_teardown
        self._standing = ""
        """A sum of the standing rows, as they were after the last whole flush."""

    def after(self, case: TransactionTestCase) -> None:
        """Once, and when a test has changed a standing row: the whole flush. Else delete the rest."""
        if not _may_be_unwatched() or _sum() != self._standing:
            self._flush(case)
            self._standing = _sum()
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("; ".join([UNWATCHED, *(f'DELETE FROM "{table}"' for table in _changing())]))


def empty_after_tests() -> None:
    """From now on tests that commit leave empty tables by `Emptying`."""
    emptying = Emptying()
    TransactionTestCase._fixture_teardown = lambda case: emptying.after(case)


class Copy:
    """All rows of the changing tables at this moment."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}
        with transaction.atomic(), connection.cursor() as cursor:
            for table in _changing():
                rows = io.BytesIO()
                cursor.copy_expert(f'COPY (SELECT * FROM "{table}") TO STDOUT', rows)
                if rows.tell():
                    self._rows[table] = rows.getvalue()

    def put_back(self) -> None:
        """Into empty tables. Sequences have gone on since."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(UNWATCHED)
            for table, rows in self._rows.items():
                cursor.copy_expert(f'COPY "{table}" FROM STDIN', io.BytesIO(rows))


@cache
def _changing() -> list[str]:
    standing = {model._meta.db_table for model in STANDING}
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return [table for table in tables if table not in standing]


def _sum() -> str:
    sums = (
        f"(SELECT md5(string_agg(t::text, ',' ORDER BY t.id)) FROM {model._meta.db_table} t)"
        for model in STANDING
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT concat_ws(' ', {', '.join(sums)})")
        return str(cursor.fetchone()[0])


def _may_be_unwatched() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        return bool(cursor.fetchone()[0])
