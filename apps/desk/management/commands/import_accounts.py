"""`manage.py import_accounts FILE`: accounts from a file of any length; says what it would change, and with --apply changes it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.desk.services.imports import carry_out, read
from apps.pricelists.reading import BadFile
from apps.users.models import Account

NO_LIMIT = 10_000_000


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="CSV, XLSX, XLS or ODS; the first line names the columns")
        parser.add_argument("--apply", action="store_true", help="change the accounts; all of them, or none")
        parser.add_argument("--by", required=True, help="user name of the administrator who does it")

    def handle(self, *_args: Any, **options: Any) -> None:
        by = Account.objects.filter(username=options["by"], is_superuser=True, is_active=True).first()
        if by is None:
            raise CommandError(f"{options['by']} is not an administrator.")
        try:
            lines, unknown = read(options["file"].read_bytes(), NO_LIMIT)
        except (OSError, BadFile) as error:
            raise CommandError(str(error)) from error
        outcome = carry_out(lines, by=by, apply=options["apply"])
        for line, message in outcome.errors:
            self.stderr.write(f"line {line}: {message}")
        if unknown:
            self.stdout.write(f"passed over: {', '.join(unknown)}")
        if outcome.errors:
            raise CommandError(f"{len(outcome.errors)} errors; nothing was changed.")
        done = "" if options["apply"] else "would be "
        self.stdout.write(
            f"{outcome.opened} accounts {done}opened, {outcome.changed} {done}changed, {outcome.unchanged} as they are"
        )
