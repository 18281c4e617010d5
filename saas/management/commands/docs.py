from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from saas.events import documentation as of_events
from saas.webhooks import documentation as of_webhooks


class Command(BaseCommand):
    help = "Write what docs/ says of config/events.yaml; with --check only say whether it is up to date."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when a file is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        for documentation in (of_events, of_webhooks):
            if documentation.is_current():
                self.stdout.write(f"{documentation.FILE} is up to date.")
            elif options["check"]:
                raise CommandError(f"{documentation.FILE} does not say what config/events.yaml says. Run `make docs`.")
            else:
                documentation.path().write_text(documentation.text(), encoding="utf-8")
                self.stdout.write(f"{documentation.FILE} is written.")
