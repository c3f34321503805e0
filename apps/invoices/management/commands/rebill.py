"""The guide's console command (12190-12210): `manage.py rebill "2"`, `manage.py rebill ",9/1/2026 00:00:00,9/30/2026 23:59:59,0,854"`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.invoices.management.commands.rerate import Command as Rerate
from apps.invoices.services import rerating
from apps.invoices.services.rerating import CannotRerate
from apps.users.choices import Kind
from apps.users.models import Account

#: The guide's number of endusers (5070, 12203); of other kinds our word is used.
_KINDS = {"0": Kind.SUBSCRIBER.value}


class Command(BaseCommand):
    help = (
        "days,datefrom,dateto,usertype,childfor: reckons the prices of these calls anew and puts them in force. "
        "Balances stay as they are. To see the differences first: rerate."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", help="days,datefrom,dateto,usertype,childfor; what is left out is any")

    def handle(self, *, words: str, **options: Any) -> None:
        days, since, until, kind, above, *more = [*(word.strip() for word in words.split(",")), *[""] * 4]
        if any(more):
            raise CommandError("There are at most five words: days,datefrom,dateto,usertype,childfor.")
        try:
            run = rerating.ask(
                by=None,
                reason=f"rebill,{words}",
                since=_days_ago(days) if days else _moment(since),
                until=_moment(until),
                account=_account(above),
                caller_kind=_KINDS.get(kind, kind),
                start=False,
            )
            run = rerating.proceed(run_id=run.pk, processes=rerating.PROCESSES)
            Rerate(stdout=self.stdout).show(run)
            rerating.apply(run=run, by=None)
        except CannotRerate as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Re-rating {run.pk} is applied.")


def _days_ago(days: str) -> datetime:
    try:
        return timezone.now() - timedelta(days=float(days))
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{days!r} is no number of days.") from error


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%m/%d/%Y %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise CommandError(f"{text!r} is no time; write 9/1/2026 00:00:00 (month first, UTC).") from error


def _account(word: str) -> Account | None:
    if not word:
        return None
    found = Account.objects.filter(username=word).first()
    if found is None and word.isdecimal():
        found = Account.objects.filter(pk=int(word)).first()
    if found is None:
        raise CommandError(f"There is no account {word!r}.")
    return found
