"""The mail inbox, spoken to by Django's own SMTP client over a socket."""

import os
import re
import signal
import smtplib
import subprocess
import sys
from email.message import EmailMessage
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from saas.embedded.processes import free_port
from saas.sandbox import mailbox, smtp
from tests.accounts.conftest import PASSWORD, new_client
from tests.e2e.conftest import free_ports


@pytest.fixture(autouse=True)
def inbox(settings: Any, tmp_path: Any) -> None:
    settings.MAIL_SANDBOX_DIR = tmp_path / "mail"


@pytest.fixture
def server(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "localhost", free_port()
    running = smtp.controller(settings.EMAIL_PORT)
    running.start()
    yield running
    running.stop()


def keep(to: str = "anna@example.com", subject: str = "Hello", text: str = "Hi", html: str = "") -> str:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "us@example.com", to, subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return mailbox.keep(message.as_bytes(), [to])


def test_a_newcomer_confirms_the_address_from_the_inbox_page(server, worker):
    client = new_client()
    client.post("/accounts/signup/", {"email": "nina@example.com", "password1": PASSWORD})
    worker.wait()
    page = client.get("/sandbox/mail/").content.decode()
    assert "nina@example.com" in page
    detail = re.search(r'href="(/sandbox/mail/[^"]+/)"', page).group(1)
    page = client.get(detail).content.decode()
    link = re.search(r'href="https?://[^/]+(/accounts/confirm-email/[^"]+)"', page).group(1)
    assert client.post(link)["Location"] == "/onboarding/"
    shown = client.get(f"{detail}html/").content.decode()
    assert link in shown
    assert '<base target="_top">' in shown


def test_an_accepted_mail_is_on_the_disk(server):
    with smtplib.SMTP("localhost", server.port) as connection:
        connection.sendmail("us@example.com", ["a@example.com", "hidden@example.com"], "Subject: One\r\n\r\nHello")
    (found,) = mailbox.newest()
    assert found.subject == "One"
    assert found.is_for("hidden@example.com"), "the envelope says more than the headers"


def test_a_full_disk_is_an_answer_that_lets_the_sender_try_again(server, monkeypatch):
    def full(*_: Any) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(mailbox, "keep", full)
    with smtplib.SMTP("localhost", server.port) as connection, pytest.raises(smtplib.SMTPDataError) as problem:
        connection.sendmail("us@example.com", ["a@example.com"], "Subject: One\r\n\r\nHello")
    assert problem.value.smtp_code == 451


def test_the_newest_mail_is_first_and_the_list_filters_by_recipient(client):
    keys = [keep(to=f"person{number}@example.com", subject=f"Mail {number}") for number in range(3)]
    page = client.get("/sandbox/mail/").content.decode()
    assert [page.index(key) for key in keys] == sorted((page.index(key) for key in keys), reverse=True)
    page = client.get("/sandbox/mail/", {"to": "PERSON1@"}).content.decode()
    assert ("Mail 1" in page, "Mail 0" in page) == (True, False)
    assert "?to=PERSON1%40" in page, "a refresh keeps the filter"
    assert "No mail to this recipient" in client.get("/sandbox/mail/", {"to": "nobody"}).content.decode()


def test_htmx_gets_the_rows_alone(client):
    keep(subject="Fresh")
    part = client.get("/sandbox/mail/", headers={"HX-Request": "true"}).content.decode()
    assert "Fresh" in part
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part


def test_a_mail_shows_text_headers_and_its_html_apart(client):
    key = keep(text="See https://x.test/a?b=1&c=2 now", html="<script>alert(1)</script><p style='color:red'>Hi</p>")
    page = client.get(f"/sandbox/mail/{key}/").content.decode()
    assert 'href="https://x.test/a?b=1&amp;c=2"' in page
    assert "alert(1)" not in page
    assert "us@example.com" in page
    assert re.search(r'<iframe[^>]+sandbox="allow-top-navigation-by-user-activation allow-popups"', page)
    answer = client.get(f"/sandbox/mail/{key}/html/")
    assert "<p style='color:red'>Hi</p>" in answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("key", ["nonsense", "..", "1234.M1P1.host", "new"])
def test_a_mail_that_is_not_there_is_not_found(client, key):
    assert client.get(f"/sandbox/mail/{key}/").status_code == 404
    assert client.get(f"/sandbox/mail/{key}/html/").status_code == 404


def test_delete_all_needs_a_post(client):
    keep()
    assert client.get("/sandbox/mail/clear/").status_code == 405
    assert client.post("/sandbox/mail/clear/")["Location"] == "/sandbox/mail/"
    assert "No mail yet" in client.get("/sandbox/mail/").content.decode()


def test_broken_mails_can_be_looked_at(client):
    for content in (b"", b"no headers at all", b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\n\xff\xfe", b"\x00\x01\x02"):
        key = mailbox.keep(content, ["a@example.com"])
        assert client.get(f"/sandbox/mail/{key}/").status_code == 200
    assert "café" in client.get("/sandbox/mail/").content.decode()


def test_the_process_takes_mails_and_ends_on_sigterm(tmp_path):
    port, *others = free_ports(3)
    environment = {**os.environ, "MAIL_PORT": str(port), "DATA_DIR": str(tmp_path)}
    environment |= {name: str(other) for name, other in zip(("OIDC_PORT", "HOOKS_PORT"), others, strict=True)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sandbox"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        assert b"/sandbox/mail/" in process.stdout.readline()
        with smtplib.SMTP("localhost", port) as connection:
            connection.sendmail("us@example.com", ["a@example.com"], "Subject: One\r\n\r\nHello")
        assert len(list((tmp_path / "mail" / "new").iterdir())) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_taken_port_is_said_in_words(server, settings):
    settings.MAIL_PORT = server.port
    with pytest.raises(CommandError, match=rf"port {server.port} .* MAIL_PORT"):
        call_command("sandbox")
