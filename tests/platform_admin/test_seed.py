import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from organizations.models import Membership, Organization
from platform_admin import demo
from tests.accounts.conftest import home, new_client, sign_in


@pytest.fixture
def seed(settings: Any, tmp_path: Any) -> Any:
    settings.DATA_DIR = tmp_path / "data"
    return lambda: call_command("seed", stdout=io.StringIO())


def test_everybody_in_the_banner_can_sign_in(seed, settings):
    seed()
    logins = json.loads((settings.DATA_DIR / "demo.json").read_text())
    assert len(logins) == 5
    for login in logins:
        assert sign_in(new_client(), login["email"], login["password"])["Location"] == home()
    org = Organization.objects.get()
    assert set(Membership.objects.filter(organization=org).values_list("role", flat=True)) == {
        "owner",
        "admin",
        "member",
        "viewer",
    }
    assert User.objects.get(email="staff@groundwork.test").platform_role == "platform_admin"


def test_seeding_again_changes_nothing_and_is_quick(seed, count_queries):
    seed()
    with count_queries(at_most=1):
        seed()
    assert User.objects.count() == 5
    assert Organization.objects.count() == 1


def test_an_interrupted_seeding_is_finished(seed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(demo, "make_organization", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seed()
    seed()
    assert Membership.objects.count() == 4


def test_a_deployment_refuses_it(seed, settings):
    settings.IS_DEPLOYED = True
    with pytest.raises(CommandError, match="development"):
        seed()
    assert not User.objects.exists()
