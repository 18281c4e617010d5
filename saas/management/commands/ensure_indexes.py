import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from saas.mongo.indexes import IndexConflict, ensure_indexes


class Command(BaseCommand):
    help = "Create every collection and index before traffic, after `migrate`. Safe to run again, and quick."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", action="store_true", help="name each collection with its number of indexes")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        try:
            counts = ensure_indexes()
        except IndexConflict as conflict:
            raise CommandError(str(conflict)) from conflict
        if options["list"]:
            for name, count in counts.items():
                self.stdout.write(f"{count:4}  {name}")
        if not options["verbosity"]:
            return
        seconds = time.monotonic() - started
        self.stdout.write(f"{len(counts)} collections, {sum(counts.values())} indexes: in place after {seconds:.2f} s.")
