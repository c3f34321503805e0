"""Reckon prices of calls anew: `manage.py rerate --days 2 --reason "new list of carrier x"`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from apps.cdrs.models import RerateState, Rerating
from apps.invoices.services import rerating
from apps.invoices.services.rerating import PROCESSES, CannotRerate
from apps.invoices.services.rerating.differences import Difference, by_account, by_destination, totals
from apps.pricing.models import Tariff
from apps.users.models import Account


class Command(BaseCommand):
    help = (
        "Reckons prices of answered calls anew by the tariffs of their day and shows the differences. "
        "Nothing else changes without --apply; balances not without --balances."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, help="calls of the last DAYS days")
        parser.add_argument(
            "--from", dest="since", help="calls from then on: 2026-09-01 or 2026-09-01T08:00 (UTC)"
        )
        parser.add_argument("--to", dest="until", help="calls before then (default: now)")
        parser.add_argument("--account", metavar="USERNAME", help="calls of this account and all below it")
        parser.add_argument("--kind", default="", help="calls of accounts of this kind, such as subscriber")
        parser.add_argument("--tariff", metavar="NAME", help="calls of which a price is by this tariff")
        parser.add_argument(
            "--call", action="append", default=[], metavar="ID", help="this call; may be repeated"
        )
        parser.add_argument("--reason", help="why; the history of prices names it")
        parser.add_argument(
            "--processes", type=int, default=PROCESSES, help=f"so many at once (default: {PROCESSES})"
        )
        parser.add_argument(
            "--help-with", type=int, metavar="RUN", help="take part in a run that another process sees to"
        )
        parser.add_argument("--apply", action="store_true", help="put the differences in force")
        parser.add_argument("--balances", action="store_true", help="with --apply: correct balances too")

    def handle(self, **options: Any) -> None:
        if options["help_with"]:
            rerating.work(run_id=options["help_with"])
            return
        if not options["reason"]:
            raise CommandError("Give a --reason: the history of prices names it.")
        if options["balances"] and not options["apply"]:
            raise CommandError("--balances goes with --apply only.")
        since, until = _moment(options["since"]), _moment(options["until"])
        if options["days"] is not None:
            since = timezone.now() - timedelta(days=options["days"])
        try:
            run = rerating.ask(
                by=None,
                reason=options["reason"],
                since=since,
                until=until,
                account=_found(Account, username=options["account"]),
                caller_kind=options["kind"],
                tariff=_found(Tariff, name=options["tariff"], owner=None),
                calls=options["call"],
                start=False,
            )
            run = rerating.proceed(run_id=run.pk, processes=options["processes"], tell=self._tell)
            self.show(run)
            if options["apply"] and run.state == RerateState.READY:
                run = rerating.apply(
                    run=run, by=None, move_balances=options["balances"], tell=self._tell_applied
                )
                self.stdout.write(f"Re-rating {run.pk}: {run.get_state_display()}.")
        except CannotRerate as error:
            raise CommandError(str(error)) from error

    def _tell(self, run: Rerating) -> None:
        self.stderr.write(f"{run.looked_at} calls, until {run.done_until:%Y-%m-%d %H:%M:%S}")

    def _tell_applied(self, run: Rerating) -> None:
        self.stderr.write(f"in force for calls before {run.applied_until:%Y-%m-%d %H:%M:%S}")

    def show(self, run: Rerating) -> None:
        self.stdout.write(
            f"Re-rating {run.pk}: {run.get_state_display()}; {run.looked_at} calls looked at, "
            f"{run.without_price} have no price now and stay as they are."
        )
        for problem, count in run.problems.items():
            self.stdout.write(f"  {count} × {problem}")
        for title, rows in (
            ("By payer", by_account(run)),
            ("By destination", by_destination(run)),
            ("In all", totals(run)),
        ):
            self.stdout.write(f"{title}:" if rows else f"{title}: no differences.")
            for row in rows:
                self.stdout.write(_line(row))


def _line(row: Difference) -> str:
    return (
        f"  {row.name or 'all':24} {row.kind:9} {row.calls:9} calls {row.old_net:16.6f} → {row.net:16.6f} "
        f"{row.currency} net ({row.change:+.6f})"
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
        day = None if moment else parse_date(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no time.") from error
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if moment is None:
        raise CommandError(f"{text!r} is no time; write 2026-09-01 or 2026-09-01T08:00.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _found(model: Any, **key: str | None) -> Any:
    name, value = next(iter(key.items()))
    if value is None:
        return None
    found = model.objects.filter(**key).first()
    if found is None:
        raise CommandError(f"There is no {model._meta.verbose_name} with the {name} {value!r}.")
    return found
