from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser

from organizations.models import Organization
from saas.search import rebuild

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Write the search index of one organization, or of all, anew; search works meanwhile."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", metavar="SLUG", help="the organization's address, such as acme")
        parser.add_argument("--all", action="store_true", help="every organization, one after the other")

    def handle(self, *args: Any, org: str | None = None, all: bool = False, **options: Any) -> None:  # noqa: A002
        if bool(org) == all:
            raise CommandError("Say which: --org SLUG, or --all.")
        found = Organization.objects.filter(slug=org) if org else Organization.objects.all()
        organizations = list(found)
        if not organizations:
            raise CommandError(f"There is no organization {org}." if org else "There is no organization yet.")
        failed = [each.slug for each in organizations if not self.write_anew(each)]
        if failed:
            raise CommandError(f"Not written: {', '.join(failed)}. The log says why; what was there is kept.")

    def write_anew(self, org: Organization) -> bool:
        """Whether it worked: one organization's trouble is not the others'."""
        try:
            done = rebuild(org)
        except Exception:
            log.exception("reindex_failed", organization_id=org.pk)
            return False
        self.stdout.write(f"{org.slug}: {done.indexed} indexed, {done.removed} removed")
        return True
