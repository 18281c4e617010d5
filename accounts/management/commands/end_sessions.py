"""`manage.py end_sessions ADDRESS`, or `--all`: sign somebody, or everybody, out everywhere."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import User


class Command(BaseCommand):
    help = "Ends all sessions of one person, or of everybody, at their next request."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", nargs="?", default="", help="the person's e-mail address")
        parser.add_argument("--all", action="store_true", help="everybody's")

    def handle(self, *_args: Any, address: str, all: bool, **_options: Any) -> None:  # noqa: A002 - the option's name
        if bool(address) == all:
            raise CommandError("Name one address, or give --all.")
        people = User.objects.all() if all else User.objects.filter(email=address.strip().lower())
        if not all and not people.exists():
            raise CommandError(f"There is no account of {address}.")
        count = sum(services.end_sessions_of(user=user) for user in people.iterator())
        self.stdout.write(f"{count} session{'' if count == 1 else 's'} ended.")
