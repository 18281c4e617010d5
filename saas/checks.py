"""Django's system checks of the platform services that belong to no single one."""

import sys
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks

SANDBOX = "saas.sandbox"


def register() -> None:
    checks.register(check_no_sandbox, checks.Tags.security)


def check_no_sandbox(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse a deployment in which the simulated world is installed or loaded: it shows everybody's mail."""
    is_there = apps.is_installed(SANDBOX) or any(name.split(".")[:2] == ["saas", "sandbox"] for name in sys.modules)
    if not settings.IS_DEPLOYED or not is_there:
        return []
    return [
        checks.Error(
            "saas.sandbox is loaded in a deployment.",
            hint="Take it out of INSTALLED_APPS, and import it nowhere outside of saas/sandbox.",
            id="saas.E020",
        )
    ]
