from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from saas.audit.verifying import Verdict, verify_chain
from saas.events.dispatching import PLATFORM
from saas.events.models import streams
from saas.hooks import organizations


class Command(BaseCommand):
    help = (
        "Verify the audit log's hash chains and name the first entry that was changed, removed, reordered or inserted. "
        "Without an option: the platform's own chain."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--org", metavar="SLUG", help="the chain of one organization: its address, or its id")
        which.add_argument("--all", action="store_true", help="every chain")
        parser.add_argument(
            "--known", metavar="SEQUENCE:HASH", help="an end of this chain that was noted earlier, and must be in it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        known = head_of(options["known"])
        if known and options["all"]:
            raise CommandError("--known belongs to one chain: name it with --org, or leave --all out.")
        failed = 0
        for name, organization_id in chains(options):
            verdict = verify_chain(organization_id, known=known)
            failed += not verdict.is_intact
            self.stdout.write(words(name, verdict))
        if failed:
            raise CommandError(f"{failed} {'chain is' if failed == 1 else 'chains are'} broken.")


def chains(options: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Name and organization's id of each chain that was asked for."""
    if options["org"]:
        yield options["org"], organization_id(options["org"])
        return
    yield PLATFORM, None
    if options["all"]:
        for stream in streams().filter(organization_id__ne=None).no_cache():
            found = organizations([stream.organization_id]).get(stream.organization_id)
            yield getattr(found, "slug", stream.organization_id), stream.organization_id


def organization_id(name: str) -> str:
    from saas import hooks

    found = hooks.organization_named(name)
    if found is None:
        raise CommandError(f"There is no organization {name!r}.")
    return str(found.pk)


def head_of(text: str | None) -> tuple[int, str] | None:
    if not text:
        return None
    sequence, _, link = text.partition(":")
    if not (sequence.isdigit() and link):
        raise CommandError("--known is the number and the hash of an entry: 1234:9f86d081…")
    return int(sequence), link


def words(name: str, verdict: Verdict) -> str:
    if verdict.is_intact:
        return f"{name}: intact, {verdict.checked} entries, ends in {verdict.head[0]}:{verdict.head[1]}"
    entry = f" {verdict.event_id}" if verdict.event_id else ""
    return f"{name}: entry {verdict.sequence}{entry} was {verdict.kind}. {verdict.words}"
