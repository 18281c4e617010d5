import getpass
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from accounts import services
from accounts.models import User


class Command(BaseCommand):
    help = "Create a platform admin, who may open /admin/; or give an existing account that role with --promote."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.add_argument("--promote", action="store_true", help="the account exists; its password stays")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        try:
            validate_email(email)
            if options["promote"]:
                services.promote(email=email)
            else:
                services.create_staff(email=email, password=read_password(from_stdin=options["password_stdin"]))
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from None
        except services.AccountExists as problem:
            raise CommandError(f"{problem} Use --promote to make it a platform admin.") from None
        except User.DoesNotExist:
            raise CommandError(f"{email} has no account. Leave --promote out to create one.") from None
        self.stdout.write(f"{email} is a platform admin.")


def read_password(*, from_stdin: bool) -> str:
    """Raises CommandError for two different inputs, or none."""
    password = sys.stdin.readline().rstrip("\r\n") if from_stdin else getpass.getpass("Password: ")
    if not password:
        raise CommandError("A password is needed.")
    if not from_stdin and getpass.getpass("Again: ") != password:
        raise CommandError("The two passwords differ.")
    return password
