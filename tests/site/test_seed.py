"""Demo data, API tokens, and what runs by the clock."""

import json
import stat
from datetime import timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from rest_framework.authtoken.models import Token

from apps.cdrs.services import forget_months
from apps.cdrs.tasks import make_partitions
from apps.invoices.models import Balance, LedgerEntry
from apps.pricing.queries import tariff_of
from apps.users.models import Account
from apps.users.services.secrets import ha1s
from mizu_site import demo_data
from mizu_site.celery import app
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def logins(settings, tmp_path):
    settings.VAR = tmp_path
    call_command("seed_demo")
    return json.loads((tmp_path / "logins.json").read_text())


def test_every_login_opens_what_it_says(logins):
    for login in logins:
        assert login.keys() == {"what", "url", "username", "password"}
        if login["what"].startswith("phone"):
            credential = Account.objects.get(username=login["username"]).sip
            assert credential.ha1_md5 == ha1s(login["username"], credential.realm, login["password"])[0]
        else:
            assert authenticate(username=login["username"], password=login["password"]), login["what"]
    assert {"administrator", "reseller", "subscriber 1001", "phone 1001"} <= {
        login["what"] for login in logins
    }


@pytest.mark.req("auth-050")
def test_passwords_are_random_and_only_the_owner_reads_them(logins, tmp_path):
    assert len({login["password"] for login in logins}) == len(logins)
    assert stat.S_IMODE((tmp_path / "logins.json").stat().st_mode) == 0o600


def test_a_second_time_changes_nothing(logins, tmp_path):
    before = (tmp_path / "logins.json").read_bytes(), Account.objects.count(), LedgerEntry.objects.count()
    call_command("seed_demo")
    assert before == (
        (tmp_path / "logins.json").read_bytes(),
        Account.objects.count(),
        LedgerEntry.objects.count(),
    )


def test_an_office_that_works_already_gets_no_demo_data(settings, tmp_path):
    settings.VAR = tmp_path
    make.subscriber()
    call_command("seed_demo")
    assert Account.objects.count() == 1


def test_the_prepaid_phone_has_money_that_a_payment_explains(logins):
    account = Account.objects.get(username="1001")
    assert Balance.objects.get(account=account).amount == Decimal(20)
    assert [entry.payment.amount for entry in account.ledger.all()] == [Decimal(20)]


def test_every_demo_caller_has_a_tariff_and_every_carrier_a_cheaper_one(logins):
    for username in ("1001", "1002", "1003", "demo-trunk"):
        retail = tariff_of(Account.objects.get(username=username), "retail").rates.get(prefix="3630").price
        for carrier, *_ in demo_data.CARRIERS:
            cost = tariff_of(Account.objects.get(username=carrier), "carrier").rates.get(prefix="3630").price
            assert 0 < cost < retail


def test_demo_carriers_differ_in_price_and_port(logins):
    carriers = Account.objects.filter(kind="carrier")
    assert len({carrier.trunk.port for carrier in carriers}) == len(demo_data.CARRIERS) == 3
    assert len({tariff_of(carrier, "carrier").rates.get(prefix="49").price for carrier in carriers}) == 3


def test_a_token_is_made_once_and_printed_alone(capsys):
    make.subscriber(username="1001")
    for _ in range(2):
        call_command("token", "1001")
    first, second = capsys.readouterr().out.split()
    assert first == second == Token.objects.get().key


@pytest.mark.parametrize("fields", [{"username": "other"}, {"username": "1001", "is_active": False}])
def test_no_token_for_an_account_that_is_not_there_or_disabled(fields):
    make.subscriber(**fields)
    with pytest.raises(CommandError):
        call_command("token", "1001")
    assert not Token.objects.exists()


def test_every_scheduled_job_is_a_task_that_there_is():
    loader = MigrationLoader(None)
    operations = [
        operation
        for (label, _), one in loader.disk_migrations.items()
        if apps.get_app_config(label).name.startswith("apps.")
        for operation in one.operations
        if isinstance(operation, RunSQL) and "django_celery_beat_periodictask" in str(operation.sql)
    ]
    PeriodicTask.objects.all().delete()
    CrontabSchedule.objects.all().delete()
    with connection.schema_editor() as editor:
        for operation in operations * 2:
            operation.database_forwards("core", editor, None, None)
    app.loader.import_default_modules()
    jobs = PeriodicTask.objects.all()
    assert jobs.count() == len(operations) > 30
    assert {job.task for job in jobs} <= set(app.tasks)
    assert all(job.schedule for job in jobs)
    clocks = [str(clock) for clock in CrontabSchedule.objects.all()]
    assert len(clocks) == len(set(clocks))


def test_the_coming_months_have_their_tables():
    forget_months()
    make_partitions()
    month = timezone.now()
    with connection.cursor() as cursor:
        for _ in range(4):
            for table in ("cdrs_cdr", "cdrs_cdrprice"):
                cursor.execute("SELECT to_regclass(%s)", [f"{table}_y{month.year}m{month.month:02}"])
                assert cursor.fetchone()[0], f"no {table} for {month:%Y-%m}"
            month = month.replace(day=1) + timedelta(days=32)
    forget_months()
