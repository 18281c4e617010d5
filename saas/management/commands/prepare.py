"""Makes the development database ready in one start of Django: migrations, indexes, demo data."""

import json
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command, get_commands
from django.core.management.base import BaseCommand, CommandParser

from saas import doctor


class Command(BaseCommand):
    help = "Migrate, create the indexes, fill in the demo data, and say who can sign in. For development only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="end with one line of JSON for `make dev`")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_DEPLOYED:
            raise CommandError("prepare writes demo data; a deployment runs `migrate` and `ensure_indexes`.")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("ensure_indexes", verbosity=0, stdout=self.stderr)
        if "seed" in get_commands():
            call_command("seed", verbosity=0, stdout=self.stderr)
        logins = demo_logins()
        if options["json"]:
            services = [finding.as_dict() for finding in doctor.services()]
            self.stdout.write(json.dumps({"logins": logins, "services": services}))
            return
        self.stdout.write("The database is ready.")
        for login in logins:
            self.stdout.write(f"  {login['email']}   {login['password']}   {login.get('note', '')}".rstrip())


def demo_logins() -> list[dict[str, str]]:
    """Who can sign in, as the demo data left it in `demo.json` of the data folder: email, password, note."""
    try:
        found: list[dict[str, str]] = json.loads((settings.DATA_DIR / "demo.json").read_text())
    except FileNotFoundError:
        return []
    return found
