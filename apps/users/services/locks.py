"""Advisory locks of this app: held to the end of the transaction."""

from __future__ import annotations

from django.db import connection

TREE, ADDRESSES = 7_001, 7_002


def lock(key: int) -> None:
    """Wait for everybody else who changes the same thing. Only inside a transaction, else it would protect nothing."""
    if not connection.in_atomic_block:
        raise RuntimeError("A lock that is not held to the end of a transaction protects nothing.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
