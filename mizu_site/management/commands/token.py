"""`manage.py token USERNAME`: the API token of an account."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rest_framework.authtoken.models import Token

from apps.users.models import Account


class Command(BaseCommand):
    """Prints the token, made if there is none yet, and nothing else."""

    help = "Print the API token of an account; make one if it has none."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(username=options["username"]).first()
        if account is None:
            raise CommandError(f"There is no account {options['username']!r}.")
        if not account.is_active:
            raise CommandError(f"The account {account.username!r} is disabled; its token would open nothing.")
        token, _made = Token.objects.get_or_create(user=account)
        self.stdout.write(token.key)
