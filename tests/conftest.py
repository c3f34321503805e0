"""What every test may lean on. `./mizu test` has started a PostgreSQL and a Redis before pytest runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    """One whole running instance for all tests that need one. Who kills something waits with `wait_ready()`."""
    with Instance() as running:
        yield running
