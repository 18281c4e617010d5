from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from saas.webhooks import documentation


class Command(BaseCommand):
    help = (
        "Write the events of docs/webhooks.md from config/events.yaml; with --check only say whether they are current."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when the file is stale")

    def handle(self, *args: Any, **options: Any) -> None:
        if documentation.is_current():
            self.stdout.write(f"{documentation.FILE} is up to date.")
        elif options["check"]:
            raise CommandError(f"{documentation.FILE} does not say what config/events.yaml says. Run `make docs`.")
        else:
            documentation.path().write_text(documentation.text(), encoding="utf-8")
            self.stdout.write(f"{documentation.FILE} is written.")
