from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from platform_admin import demo


class Command(BaseCommand):
    help = "Fill in the demo data: an organization and somebody to sign in as, for each role. For development only."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_DEPLOYED:
            raise CommandError("seed writes accounts with a known password; it runs in development only.")
        is_new = demo.seed()
        if options["verbosity"]:
            self.stdout.write("The demo data is in place." if is_new else "The demo data was in place already.")
