"""Mail that waits for the end of a person's quiet hours.

Nothing is rendered before: a job holds the id of the row, and asks when its time has come.
"""

from typing import Any

from django.contrib.auth import get_user_model

from saas import emails
from saas.db import atomic
from saas.jobs import Job
from saas.notifications import mails
from saas.notifications.choices import AT_ONCE, DIGEST
from saas.notifications.models import Notification, notifications
from saas.notifications.telling import NEVER, hold, mail_time
from saas.notifications.wishes import Wishes


@atomic
def send_held(job: Job) -> dict[str, Any]:
    """Mail the job's row, if that is still wanted; what became of it is the job's result.  Safe to repeat."""
    row: Notification | None = notifications().filter(pk=job.payload["notification_id"]).first()
    people: Any = get_user_model()
    person = people.objects.filter(pk=row.user_id).first() if row else None
    if row is None or person is None:
        return {"skipped": "gone"}
    wishes = Wishes(person)
    if obstacle := wishes.obstacle(row):
        return {"skipped": obstacle}
    wanted = wishes.choice(row).email
    if wanted == DIGEST and person.email_digest != NEVER:
        notifications().filter(pk=row.id).update(set__waits_for_digest=True)
        return {"skipped": "comes with the digest now"}
    if wanted != AT_ONCE:
        return {"skipped": "not wanted any more"}
    until = mail_time(row.kind, person, wishes.own)
    organization = wishes.organizations.get(row.organization_id)
    if until:
        hold([row], until=until, organization=organization)
        return {"skipped": "it is quiet for longer now"}
    mail = mails.of_notification(row, person, organization)
    key = f"notification:{row.id}"
    sent = emails.send(
        to=mail.to, template="notification", context=mail.context, org=organization, headers=mail.headers,
        idempotency_key=key,
    )  # fmt: skip
    return {"mail": sent.id}
