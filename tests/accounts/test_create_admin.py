import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.accounts.conftest import PASSWORD, home, new_client, sign_in
from tests.accounts.test_sign_up import events_of


@pytest.fixture
def create(monkeypatch):
    def create(email, password="", **options):
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        call_command("create_admin", email, password_stdin=True, stdout=io.StringIO(), **options)

    return create


def test_the_admin_signs_in_and_opens_the_admin_pages(create):
    create("Root@Example.com", PASSWORD)
    user = User.objects.get(email="root@example.com")
    assert user.platform_role == "platform_admin"
    assert not user.is_superuser
    client = new_client()
    assert sign_in(client, "root@example.com")["Location"] == home()
    assert client.get("/admin/").status_code == 200
    (event,) = events_of("user.created")
    assert event.after["platform_role"] == "platform_admin"
    assert event.actor["type"] == "system"


@pytest.mark.parametrize("password", ["", "short", "1234567890123", "password123", "root@example.com"])
def test_an_unsafe_password_is_refused(create, password):
    with pytest.raises(CommandError):
        create("root@example.com", password)
    assert not User.objects.exists()


def test_something_that_is_no_address_is_refused(create):
    with pytest.raises(CommandError, match="valid email"):
        create("root", PASSWORD)


def test_an_existing_person_is_promoted_on_request_only(create, person):
    with pytest.raises(CommandError, match="--promote"):
        create(person.email, PASSWORD)
    assert not User.objects.get(pk=person.pk).platform_role
    create(person.email, promote=True)
    assert User.objects.get(pk=person.pk).platform_role == "platform_admin"
    assert len(events_of("user.platform_role_changed")) == 1
    with pytest.raises(CommandError, match="no account"):
        create("nobody@example.com", promote=True)


def test_the_two_typed_passwords_must_be_equal(monkeypatch):
    answers = iter([PASSWORD, "another"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    with pytest.raises(CommandError, match="differ"):
        call_command("create_admin", "root@example.com")
