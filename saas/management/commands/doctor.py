import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from saas import doctor

MARKS = {"works": "✓", "simulated": "~", "off": "·", "broken": "✗"}


class Command(BaseCommand):
    help = (
        "Show what works, what is simulated, what is off or broken, and the fix. Exit code 1 when something is broken."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = doctor.examine()
        if options["format"] == "json":
            self.stdout.write(json.dumps([finding.as_dict() for finding in findings]))
        else:
            self.write_table(findings)
        if any(finding.state == "broken" for finding in findings):
            raise SystemExit(1)

    def write_table(self, findings: list[doctor.Finding]) -> None:
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            mark = MARKS[finding.state]
            self.stdout.write(f" {mark} {finding.part:<{width}}  {finding.state:<9}  {finding.detail}")
            if finding.fix:
                self.stdout.write(f"   {'':<{width}}  {'':<9}  → {finding.fix}")
