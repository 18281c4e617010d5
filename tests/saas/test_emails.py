import smtplib
from pathlib import Path
from typing import Any

import pytest
from allauth import account as allauth_account
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.template import TemplateDoesNotExist

from saas import emails
from saas.celery import app
from saas.db import atomic
from saas.jobs import Job, enqueue, queue_email
from saas.jobs.lanes import publish
from saas.jobs.models import FAILED, QUEUED, RUNNING, SUCCEEDED, jobs
from saas.jobs.running import pause_after
from saas.jobs.sweeping import sweep
from saas.tasks import send_email
from saas.tenancy import now
from tests.patience import quick

TEXTS = Path(__file__).parents[2] / "templates" / "emails"


class Unhappy(EmailBackend):
    """A mail server that says no, as often as it is told."""

    problems: list[Exception] = []

    def send_messages(self, messages: Any) -> int:
        if self.problems:
            raise self.problems.pop(0)
        return super().send_messages(messages)


@pytest.fixture
def server(settings: Any) -> type[Unhappy]:
    settings.EMAIL_BACKEND = f"{__name__}.Unhappy"
    Unhappy.problems = []
    return Unhappy


@pytest.fixture
def broker_is_down(monkeypatch: Any) -> Any:
    """The broker's address is one at which nobody listens."""
    before = app.conf.broker_url
    app.conf.broker_url, app._pool, app.amqp._producer_pool = "redis://localhost:1/0", None, None
    yield
    app.conf.broker_url, app._pool, app.amqp._producer_pool = before, None, None


def state(job: Job) -> str:
    return jobs().get(id=job.id).state


def run_now(job: Job) -> None:
    """Do the job's next try at once, whenever it is due."""
    jobs().filter(id=job.id).update(set__due_at=now())
    send_email(job.id)


# -- writing a mail ----------------------------------------------------------------------------------------------------


def test_a_mail_has_a_subject_a_text_and_an_html_part():
    subject, text, html = emails.render("password_reset_key", {"password_reset_url": "https://x.test/a?b=1&c=2"})
    assert subject == "Set a new password"
    assert "https://x.test/a?b=1&c=2" in text, "text is not escaped"
    assert 'href="https://x.test/a?b=1&amp;c=2"' in html, "HTML is"


def library_mails() -> set[str]:
    folder = Path(allauth_account.__file__).parents[1] / "templates" / "account" / "email"
    names = {path.name.removesuffix("_message.txt") for path in folder.glob("*_message.txt")}
    return names - {"base"}


@pytest.mark.parametrize("name", sorted(library_mails() | {p.name.split(".")[0] for p in TEXTS.glob("*.subject.txt")}))
def test_every_mail_can_be_rendered(name):
    links = {key: f"https://x.test/{key}" for key in ("activate_url", "password_reset_url")}
    subject, text, html = emails.render(name, {**links, "email": "a@x.test", "code": "ABC-DEF", "ip": "::1"})
    assert 0 < len(subject) < 79
    assert "\n" not in subject
    assert len(text.split()) > 20
    assert "<h1" in html
    assert "{{" not in text + html
    for link in links.values():
        assert (link in text) == (link in html)


def test_a_missing_template_is_an_error_at_once():
    with pytest.raises(TemplateDoesNotExist):
        emails.send(to="a@x.test", template="no_such_mail")


# -- a mail is a job ---------------------------------------------------------------------------------------------------


def test_a_mail_is_written_with_the_change_or_not_at_all():
    @atomic
    def change() -> None:
        queue_email(to="a@x.test", subject="s", body="b")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert not jobs().first()


def test_a_worker_sends_the_mail_and_forgets_its_words(worker):
    job = queue_email(to="a@x.test", subject="Hello", body="secret link", html="<p>secret link</p>")
    worker.wait()
    (message,) = mail.outbox
    assert (message.to, message.subject, message.body) == (["a@x.test"], "Hello", "secret link")
    assert message.alternatives[0].content == "<p>secret link</p>"
    assert message.extra_headers["Message-ID"].startswith(f"<{job.id}@")
    job = jobs().get(id=job.id)
    assert (job.state, job.attempts) == (SUCCEEDED, 1)
    assert "secret" not in str(job.payload)


def test_a_message_that_comes_six_times_sends_one_mail(in_parallel):
    job = queue_email(to="a@x.test", subject="Hello", body="b")
    in_parallel(lambda: send_email(job.id), times=6)
    assert len(mail.outbox) == 1


def test_the_same_key_queues_one_mail(in_parallel):
    def ask() -> str:
        return queue_email(to="a@x.test", subject="Hello", body="b", idempotency_key="welcome:1").id

    assert len(set(in_parallel(ask, times=6))) == 1
    assert jobs().count() == 1


def test_the_same_key_inside_of_a_transaction_queues_one_mail(in_parallel):
    @atomic
    def ask() -> str:
        return queue_email(to="a@x.test", subject="Hello", body="b", idempotency_key="welcome:1").id

    assert len(set(in_parallel(ask, times=6))) == 1


def test_a_server_that_is_away_is_asked_again(server):
    server.problems = [ConnectionRefusedError("no"), smtplib.SMTPServerDisconnected("gone")]
    job = queue_email(to="a@x.test", subject="Hello", body="b")
    for attempt in (1, 2):
        run_now(job)
        waiting = jobs().get(id=job.id)
        assert (waiting.state, waiting.attempts) == (QUEUED, attempt)
        assert waiting.due_at > now()
    assert "gone" in waiting.error
    run_now(job)
    assert state(job) == SUCCEEDED
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (smtplib.SMTPRecipientsRefused({"a@x.test": (550, b"no such user")}), FAILED),
        (smtplib.SMTPRecipientsRefused({"a@x.test": (451, b"greylisted")}), QUEUED),
        (smtplib.SMTPDataError(554, b"spam"), FAILED),
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), QUEUED),
        (TimeoutError("slow"), QUEUED),
    ],
)
def test_a_refusal_ends_a_mail_and_a_hiccup_does_not(server, problem, expected):
    server.problems = [problem]
    job = queue_email(to="a@x.test", subject="Hello", body="b")
    run_now(job)
    assert state(job) == expected


def test_after_a_day_a_mail_is_given_up_and_keeps_the_reason(server):
    server.problems = [ConnectionRefusedError("no")]
    job = queue_email(to="a@x.test", subject="Hello", body="b")
    jobs().filter(id=job.id).update(set__give_up_at=now())
    run_now(job)
    job = jobs().get(id=job.id)
    assert (job.state, job.error) == (FAILED, "ConnectionRefusedError: no")
    assert job.payload["body"] == "b", "for who looks at it"


def test_the_pauses_grow_up_to_an_hour():
    assert 1.6 <= pause_after(1) <= 2.4
    assert 6.4 <= pause_after(2) <= 9.6
    assert pause_after(30) <= 3600 * 1.2


# -- what gets lost is found -----------------------------------------------------------------------------------------


def test_a_broker_that_is_down_delays_nobody_and_loses_nothing(broker_is_down, client):
    job = quick(lambda: queue_email(to="a@x.test", subject="Hello", body="b"), seconds=3)
    assert state(job) == QUEUED
    assert publish(job) is False


def test_a_job_that_the_broker_lost_is_sent_again(worker, monkeypatch):
    monkeypatch.setattr("saas.jobs.queueing.publish", lambda job: False)
    job = queue_email(to="a@x.test", subject="Hello", body="b")
    monkeypatch.undo()
    assert sweep() == 0, "not so soon"
    jobs().filter(id=job.id).update(set__handed_at=now().replace(year=2020))
    assert sweep() == 1
    assert sweep() == 0, "and not twice in a minute"
    worker.wait()
    assert len(mail.outbox) == 1


def test_a_job_of_a_dead_worker_is_taken_over():
    job = queue_email(to="a@x.test", subject="Hello", body="b")
    jobs().filter(id=job.id).update(set__state=RUNNING, set__attempts=1, set__leased_until=now().replace(year=2020))
    assert sweep() == 1
    send_email(job.id)
    assert state(job) == SUCCEEDED
    assert sweep() == 0


def test_the_sweeper_is_on_the_schedule():
    assert app.conf.beat_schedule["sweep_jobs"]["task"] in app.tasks


def test_the_sweep_uses_an_index(no_scans):
    for number in range(3):
        enqueue("saas.tasks.send_email", payload={"number": number})
    with no_scans():
        sweep()
