"""What every test may lean on. `./mizu test` has started a PostgreSQL and a Redis before pytest runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from tests.instance import Instance
from tests.rows import Coverage, built_rows


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements",
        action="store_true",
        help="print, per area, how many rows of docs/requirements have a passing test",
    )


def pytest_configure(config: pytest.Config) -> None:
    report = config.getoption("--requirements")
    config.pluginmanager.register(Coverage(built_rows(), report=report), "requirement-rows")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that kill what the others share come last, whatever the random order says."""
    items.sort(key=lambda item: "faults" in item.path.parts)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, whichever tests were selected.

    pytest-django makes it only when a marked test is among them; tests that let another process use it carry no
    mark, and would be left with the database that DATABASE_URL names.
    """
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:  # processes that tests have killed may not have been missed yet
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    """One whole running instance for all tests that need one. Who kills something waits with `wait_ready()`."""
    with Instance() as running:
        yield running
