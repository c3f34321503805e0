"""Rows by the hundred thousand, made by PostgreSQL itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import AutoField, Model


def insert(model: type[Model], given: Mapping[str, str], source: str, values: Mapping[str, Any]) -> None:
    """A row of the model for each row of `source` (SQL after FROM). `given`: columns as SQL; all others are what a new object has."""
    fresh, columns, parameters = model(), dict(given), dict(values)
    for field in model._meta.concrete_fields:
        if field.column not in columns and not isinstance(field, AutoField):
            columns[field.column] = f"%(fresh_{field.column})s"
            parameters[f"fresh_{field.column}"] = field.get_db_prep_save(
                field.pre_save(fresh, True), connection
            )
    statement = f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {source}"
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
