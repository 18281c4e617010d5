"""Who is turned away and who looks stands in the log, once in a while each; who may, pays nothing for it."""

import re
from types import SimpleNamespace

import pytest
from pymongo.errors import AutoReconnect
from redis.exceptions import ConnectionError as CacheAway

from saas.audit import watching
from tests.saas.audit.conftest import entries


def denied(org=None):
    return [
        (event.organization_id, event.user_id, event.metadata["permission"], event.metadata["why"])
        for event in entries("access.denied", org)
    ]


def test_a_member_without_the_permission_is_noted_in_the_organizations_log(world):
    assert world.client("viewer").get(f"/o/{world.org.slug}/audit/").status_code == 403
    assert denied() == [(world.org.pk, world.viewer.pk, "auditLog.read", "role")]
    (event,) = entries("access.denied")
    assert event.action == "denied"
    assert event.metadata["path"] == f"/o/{world.org.slug}/audit/"
    assert event.metadata["method"] == "GET"


def test_an_object_that_is_refused_is_noted_too(world):
    project = world.tenant.project
    assert world.client("viewer").get(f"/o/{world.org.slug}/projects/{project.id}/edit/").status_code == 403
    assert denied()[0][1:] == (world.viewer.pk, "project.update", "role")


@pytest.mark.parametrize("whose", ["other", "nobodys"])
def test_another_organization_and_an_unknown_one_are_noted_alike_in_the_platforms_log(world, whose):
    slug = world.other.org.slug if whose == "other" else "nobody-has-this"
    assert world.client("owner").get(f"/o/{slug}/projects/").status_code == 404
    assert denied() == [(None, world.owner.pk, "project.read", "organization")]
    assert entries("access.denied")[0].metadata["organization"] == slug


def test_the_administration_is_noted(world):
    assert world.client("owner").get("/admin/").status_code == 404
    assert denied() == [(None, world.owner.pk, "admin.monitor", "staff")]


def test_a_suspended_member_is_noted(world):
    from django.utils import timezone

    membership = world.memberships["member"]
    membership.suspended_at = timezone.now()
    membership.save()
    assert world.client("member").get(f"/o/{world.org.slug}/projects/").status_code == 403
    assert denied()[0][3] == "suspended"


def test_refusals_cannot_flood_the_log(world):
    for _ in range(5):
        world.client("viewer").get(f"/o/{world.org.slug}/audit/")
        world.client("member").get(f"/o/{world.org.slug}/audit/")
        world.client("member").post(f"/o/{world.org.slug}/audit/export/")
    assert len(denied()) == 3, "one for each person and permission in a minute"


def test_nobody_signed_in_is_led_to_sign_in_and_not_noted(world):
    assert world.client().get(f"/o/{world.org.slug}/audit/").status_code == 302
    assert denied() == []


def test_who_may_pays_nothing(world, count_queries):
    client = world.client("owner")
    address = f"/o/{world.org.slug}/projects/"
    client.get(address)
    with count_queries() as commands:
        client.get(address)
    assert not [event for event in commands if event.command.get(event.command_name) == "events"]


def test_without_the_cache_a_refusal_is_noted(world, monkeypatch):
    def away(*_args, **_kwargs):
        raise CacheAway

    monkeypatch.setattr(watching, "cache", SimpleNamespace(add=away))
    world.client("viewer").get(f"/o/{world.org.slug}/audit/")
    assert len(denied()) == 1


# -- looking at the log ------------------------------------------------------------------------------------------------


def test_reading_the_log_stands_in_it_once_an_hour_for_each_question(world):
    client = world.client("admin")
    for _ in range(3):
        assert client.get(f"/o/{world.org.slug}/audit/").status_code == 200
    client.get(f"/o/{world.org.slug}/audit/?action=delete")
    world.client("owner").get(f"/o/{world.org.slug}/audit/")
    found = entries("audit.read", world.org)
    assert [(event.user_id, event.metadata["filters"]) for event in found] == [
        (world.admin.pk, {}),
        (world.admin.pk, {"action": "delete"}),
        (world.owner.pk, {}),
    ]
    assert {event.actor["type"] for event in found} == {"user"}


def test_the_staff_reading_an_organizations_log_is_seen_there_as_support(world):
    assert world.client("staff").get(f"/admin/audit/?organization={world.org.slug}").status_code == 200
    (event,) = entries("audit.read", world.org)
    assert (event.actor["type"], event.user_id) == ("support", world.staff.pk)
    page = world.client("owner").get(f"/o/{world.org.slug}/audit/").content.decode()
    assert re.search(r'badge-warning">\s*<svg[^>]*>.*?</svg>\s*Support', page, re.DOTALL), "it stands out"


def test_the_staff_reading_the_platforms_log_is_an_entry_of_it(world):
    world.client("staff").get("/admin/audit/")
    world.client("staff").get("/admin/audit/?organization=everywhere")
    found = entries("audit.read")
    assert [(event.organization_id, event.metadata) for event in found] == [
        (None, {"filters": {}}),
        (None, {"filters": {"log": "everywhere"}}),
    ], "to read everybody's is another thing than to read the platform's own"


def test_an_entry_opened_by_the_staff_is_noted_where_it_belongs(world):
    entry = world.tenant.entry
    assert world.client("staff").get(f"/admin/audit/{entry.id}/").status_code == 200
    (event,) = entries("audit.read", world.org)
    assert event.metadata["filters"] == {"entry": entry.id}


def test_what_is_searched_for_is_kept_as_an_id(world):
    assert world.tenant.entry.user_id == world.owner.pk
    world.client("admin").get(f"/o/{world.org.slug}/audit/?person={world.owner.email}")
    (event,) = entries("audit.read", world.org)
    assert event.metadata["filters"] == {"users": [world.owner.pk]}


def test_the_log_does_not_tell_its_admin_who_has_an_account(world):
    """Else anybody with an organization could ask it for the ids of all people by their addresses."""
    for address in (world.outsider.email, world.other.owner.email, "nobody@example.com"):
        world.client("admin").get(f"/o/{world.org.slug}/audit/?person={address}")
    (event,) = entries("audit.read", world.org)
    assert event.metadata["filters"] == {"users": ["0" * 24]}


def test_a_look_that_could_not_be_noted_shows_nothing_and_is_noted_the_next_time(world, monkeypatch):
    """Else the database's hiccup would give an hour of reading that nobody knows of."""

    def away(*_args, **_kwargs):
        raise AutoReconnect("away for a moment")

    address, client = f"/o/{world.org.slug}/audit/", world.client("admin")
    client.raise_request_exception = False
    with monkeypatch.context() as outage:
        outage.setattr(watching.events, "record", away)
        assert client.get(address).status_code == 503
    assert client.get(address).status_code == 200
    assert len(entries("audit.read", world.org)) == 1
