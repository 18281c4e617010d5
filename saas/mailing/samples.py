"""Every mail with sample data, for the preview in development and for the tests.  A new mail needs nothing here while
it uses the words that others use; what is missing shows as MISSING and fails a test.
"""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.utils import timezone

from saas.product import product

FOLDER = "templates/emails"


def names() -> list[str]:
    """The mails: every template with a subject."""
    return sorted(
        path.name.removesuffix(".subject.txt") for path in Path(settings.BASE_DIR, FOLDER).glob("*.subject.txt")
    )


def context() -> dict[str, Any]:
    """Sample data for all of them."""
    soon = timezone.now() + timedelta(days=7)
    site = settings.SITE_URL
    ada = SimpleNamespace(display_name="Ada Lovelace", name="Ada Lovelace", email="ada@example.com")
    bob = SimpleNamespace(display_name="Bob Bauer", name="Bob Bauer", email="bob@example.com")
    role = SimpleNamespace(title="Member", name="member")
    return {
        "product": product(),
        "site_url": site,
        "email": ada.email,
        "user": ada,
        "person": ada,
        "actor": bob,
        "inviter": bob,
        "owner": bob,
        "member": ada,
        "organization": SimpleNamespace(
            name="Northbridge & Sons", slug="northbridge", deletes_at=soon, display_name=""
        ),
        "role": role,
        "role_before": role,
        "role_after": role,
        "invitation": SimpleNamespace(email=ada.email, note="Looking forward to it!", expires_at=soon, pk="0" * 24),
        "transfer": SimpleNamespace(expires_at=soon),
        "url": f"{site}/sample/link/",
        "webhook": SimpleNamespace(name="Billing", url="https://example.com/hooks", disabled_reason="failing"),
        "failing_since": "3 March 2026, 09:30 UTC",
        "disables_at": "8 March 2026, 09:30 UTC",
        "activate_url": f"{site}/accounts/confirm-email/sample/",
        "password_reset_url": f"{site}/accounts/password/reset/key/sample/",
        "signup_url": f"{site}/accounts/signup/",
        "code": "ABCD-EFGH",
        "key": "sample",
        "from_email": "ada@example.com",
        "from_emails": ["ada@example.com"],
        "to_email": "ada.lovelace@example.com",
        "to_emails": ["ada.lovelace@example.com"],
        "deleted_email": "old@example.com",
        "not_me_url": f"{site}/account/not-me/sample/",
        "provider": SimpleNamespace(name="Google", id="google"),
        "timestamp": timezone.now(),
        "ip": "203.0.113.7",
        "user_agent": "Firefox on Linux",
        "device": "Firefox on Linux",
        "deletes_at": "29 November 2026, 12:00",
        "days": 14,
        "sign_in_url": f"{site}/accounts/login/",
        "export_url": f"{site}/account/export/",
        "time_zone": "Europe/London",
        "organization_url": f"{site}/o/northbridge/",
        "expires_at": soon,
        "notification": SimpleNamespace(title="Bob Bauer created the project Atlas", message="It is for the spring."),
        "organization_name": "Northbridge & Sons",
        "kind_name": "Projects",
        "is_mandatory": False,
        "unsubscribe_url": f"{site}/notifications/unsubscribe/sample/",
        "preferences_url": f"{site}/notifications/preferences/",
        "count": 7,
        "frequency": "daily",
        "groups": [
            SimpleNamespace(
                name="Northbridge & Sons",
                kinds=[
                    SimpleNamespace(name="People who come and go", lines=["5 people joined"]),
                    SimpleNamespace(name="Projects", lines=["Bob created the project Atlas", "2 projects deleted"]),
                ],
            )
        ],
    }
