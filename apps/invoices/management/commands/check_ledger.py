"""Prove that the books are right: `manage.py check_ledger`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.invoices.services.check import faults
from apps.users.models import Account


class Command(BaseCommand):
    help = (
        "Checks that every balance is the sum of its ledger entries, that what is held is the sum of the holds, "
        "and that every charged call has one record whose prices were charged. Exits with 1 if not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", metavar="USERNAME", help="only this account")
        parser.add_argument("--days", type=int, help="only calls recorded in the last DAYS days")
        parser.add_argument("--limit", type=int, default=100, help="print at most so many faults (100)")

    def handle(self, *, account: str | None, days: int | None, limit: int, **options: Any) -> None:
        account_id = None
        if account is not None:
            account_id = Account.objects.filter(username=account).values_list("pk", flat=True).first()
            if account_id is None:
                raise CommandError(f"There is no account {account!r}.", returncode=2)
        since = timezone.now() - timedelta(days=days) if days is not None else None
        found = faults(account_id=account_id, since=since)
        for fault in found[:limit]:
            self.stdout.write(fault)
        if found:
            raise CommandError(f"{len(found)} faults.", returncode=1)
        self.stdout.write("Every balance is the sum of its entries and holds, every charge has its record.")
