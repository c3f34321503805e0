"""What every test may lean on. `./mizu test` has started a PostgreSQL and a Redis before pytest runs."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.db import connection
from django.template import Context, RequestContext, Template
from django.test.signals import template_rendered
from django.test.utils import setup_databases, teardown_databases
from django.utils import translation

from tests.instance import Instance
from tests.order import put_in_order
from tests.rows import Coverage, built_rows, explained_rows
from tests.tables import empty_after_tests


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--requirements",
        action="store_true",
        help="print, per area, how many rows of docs/requirements have a passing test",
    )


class QuickHasher(Argon2PasswordHasher):
    """Passwords are kept as ever, by less work than guessing them should be."""

    time_cost, memory_cost, parallelism = 1, 64, 1


def pytest_configure(config: pytest.Config) -> None:
    settings.PASSWORD_HASHERS = [
        f"{QuickHasher.__module__}.{QuickHasher.__name__}",
        *settings.PASSWORD_HASHERS,
    ]
    settings.WHITENOISE_AUTOREFRESH = True  # else every client of a test lists all static files first
    empty_after_tests()
    report = config.getoption("--requirements")
    coverage = Coverage(built_rows(), report=report, explained=explained_rows())
    config.pluginmanager.register(coverage, "requirement-rows")


AFTERWARDS = pytest.StashKey[bool]()
"""On tests that come after the last one that asks for the session's instance."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    put_in_order(items)
    asking = [place for place, item in enumerate(items) if "instance" in getattr(item, "fixturenames", ())]
    for item in items[max(asking, default=-1) + 1 :]:
        item.stash[AFTERWARDS] = True
    gc.collect()
    gc.freeze()  # modules and tests stay; to look at them again and again would take a tenth of the time
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """An instance that nobody asks for any more would still tick beside the tests; and who was shown a page had a language."""
    translation.deactivate()
    if item.stash.get(AFTERWARDS, False) and _of_the_session:
        _of_the_session.pop().discard()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Who looks for the cause of a failure that comes once in a hundred runs has nothing but its report."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed and (said := Instance.last_words()):
        report.sections.append(("what running instances said last", said))
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session", autouse=True)
def pages_are_kept(django_test_environment: None) -> None:
    """For `response.context`. Django's test client also keeps all that widgets and parts of a page were given: a tenth of its time."""

    def rendered(template: Template, context: Context) -> Any:
        if context.template is template and isinstance(context, RequestContext):
            template_rendered.send(sender=template, template=template, context=context)
        return template.nodelist.render(context)

    Template._render = rendered


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: Any
) -> Iterator[None]:
    """The test database, whichever tests were selected.

    pytest-django makes it only when a marked test is among them; tests that let another process use it carry no
    mark, and would be left with the database that DATABASE_URL names.
    """
    connection.settings_dict["TEST"]["TEMPLATE"] = os.environ.get("MIZU_TEST_TEMPLATE") or None
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


_of_the_session: list[Instance] = []


@pytest.fixture(scope="session")
def instance() -> Iterator[Instance]:
    """One whole running instance for all tests that need one. Who kills something waits with `wait_ready()`.

    Its tests call the same few numbers over and over, for a second each: for a switch, a caller who is not well served, by carriers
    that do badly.
    """
    with Instance() as running:
        running.sql(
            "INSERT INTO config_setting (key, node, value, changed_at)"
            " VALUES ('failover_repeat_seconds', '', '0', now()), ('hasfailover', '', 'no', now())"
        )
        running.catch_up()
        _of_the_session[:] = [running]
        yield running
