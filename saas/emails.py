"""Mail with a template: rendered at once, sent by a worker after the commit.

    emails.send(to=user.email, template="password_changed", context={"user": user})

A mail is three files: `templates/emails/<name>.subject.txt`, `.txt` and `.html`. The two text files are rendered
without HTML escaping. Besides `context` they have `product`, `site_url` and `email`.
"""

import smtplib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from anymail.exceptions import AnymailRequestsAPIError
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context
from django.template.loader import get_template, render_to_string

from saas.jobs import Job, PermanentFailure, enqueue_many, queue_email
from saas.jobs.queueing import SEND_EMAIL, mail_payload
from saas.product import product

REFUSED_FOR_GOOD = (400, 422)  # HTTP statuses by which a mail service refuses the mail itself


def send(
    *,
    to: str,
    template: str,
    context: dict[str, Any] | None = None,
    org: Any = None,
    user: Any = None,
    idempotency_key: str | None = None,
    headers: dict[str, str] | None = None,
) -> Job:
    """Render a mail now, and send it once the caller's transaction has committed.

    `headers` stand in the mail beside its own.  Raises TemplateDoesNotExist.  Neither a mail server nor a broker that
    is down is an error: the job waits for them.
    """
    subject, body, html = render(template, {"email": to, **(context or {})})
    return queue_email(
        to=to,
        subject=subject,
        body=body,
        html=html,
        org=org,
        user=user,
        idempotency_key=idempotency_key,
        headers=headers,
    )


@dataclass(frozen=True, slots=True)
class Mail:
    """One of many mails with the same template."""

    to: str
    context: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def send_many(*, template: str, mails: Iterable[Mail], org: Any = None, due_at: datetime | None = None) -> list[Job]:
    """As `send`, in one round trip for a thousand or so; none of them before `due_at`."""
    payloads = []
    for mail in mails:
        subject, body, html = render(template, {"email": mail.to, **mail.context})
        payloads.append(mail_payload(to=mail.to, subject=subject, body=body, html=html, headers=mail.headers))
    return enqueue_many(SEND_EMAIL, payloads, org=org, due_at=due_at)


def render(template: str, context: dict[str, Any]) -> tuple[str, str, str]:
    """Subject (one line), text part and HTML part."""
    context = {"product": product(), "site_url": settings.SITE_URL, **context}
    subject = " ".join(render_plain(f"emails/{template}.subject.txt", context).split())
    body = render_plain(f"emails/{template}.txt", context).strip() + "\n"
    return subject, body, render_to_string(f"emails/{template}.html", context)


def render_plain(name: str, context: dict[str, Any]) -> str:
    template: Any = get_template(name)
    return str(template.template.render(Context(context, autoescape=False)))


def deliver(job: Job) -> dict[str, Any]:
    """Give the job's mail to the mail server; answers which of its addresses were skipped, as the job's result.

    The message id is made from the job's, so that a mail whose worker died after sending can be told from a second one.
    Raises PermanentFailure when the server refuses this mail, and its own errors when it may take it later.
    """
    mail = job.payload
    to, result = without_switched_off(mail["to"])
    if not to:
        return result
    message = EmailMultiAlternatives(
        subject=mail["subject"],
        body=mail["body"],
        to=to,
        reply_to=[mail["reply_to"]] if mail.get("reply_to") else None,
        headers={
            **(mail.get("headers") or {}),
            "Message-ID": message_id(job.id),
            "Auto-Submitted": "auto-generated",
        },
    )
    if mail.get("html"):
        message.attach_alternative(mail["html"], "text/html")
    try:
        message.send()
    except (smtplib.SMTPException, AnymailRequestsAPIError) as problem:
        if is_permanent(problem):
            raise PermanentFailure(str(problem)) from problem
        raise
    return result


def without_switched_off(to: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The addresses that get mail, and `{skipped: [{address, why}]}` of those that bounce or have complained.

    Mail to them would spoil our name.  That is no failure: nobody can do anything about the job.
    """
    from saas.mailing import addresses

    off = {each.address: each.words for each in addresses.find(to)}
    if not off:
        return to, {}
    skipped = [{"address": address, "why": why} for address, why in off.items()]
    return [address for address in to if address.strip().lower() not in off], {"skipped": skipped}


def message_id(job_id: str) -> str:
    return f"<{job_id}@{parseaddr(settings.EMAIL_FROM)[1].partition('@')[2]}>"


def is_permanent(problem: Exception) -> bool:
    """Whether the server has refused the mail for good.  Wrong credentials are not: somebody corrects them."""
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in problem.recipients.values())
    if isinstance(problem, (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)):
        return problem.smtp_code >= 500
    return getattr(problem, "status_code", None) in REFUSED_FOR_GOOD
