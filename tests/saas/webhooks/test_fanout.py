"""Which endpoint hears of what, and what it hears."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from jsonschema import Draft202012Validator

from saas.config_files import ConfigError
from saas.db import atomic, run_atomic
from saas.events import catalogue, dispatching, sinks
from saas.events.models import events as all_events
from saas.events.recording import write
from saas.tenancy import now
from saas.webhooks import endpoints, fanout, payloads, trigger_webhook
from saas.webhooks.models import PENDING, deliveries, messages, webhooks
from tests.saas.webhooks.conftest import again, make_endpoint

URL = "http://127.0.0.1:9/hook"


def create_project(world, **values):
    from organizations.projects.services import create_project

    return create_project(org=world.org, actor=world.owner, **{"name": "Website", **values})


def sent(webhook):
    """(event, data) of what was written for an endpoint, in order."""
    found = deliveries().filter(webhook_id=webhook.id).order_by("id")
    return [(each.event, json.loads(each.payload)["data"]) for each in found]


def test_an_endpoint_hears_of_a_new_project(world, dispatch_events):
    webhook = make_endpoint(world, URL)
    project = create_project(world, description="All new", tags=["web"])
    dispatch_events()
    (delivery,) = deliveries().filter(event="project.created")
    event = all_events().get(event="project.created")
    assert delivery.webhook_id == webhook.id
    assert (delivery.event_id, delivery.message_id) == (event.id, f"msg_{event.id}")
    assert delivery.status == PENDING
    assert delivery.next_attempt_at <= now()
    message = json.loads(delivery.payload)
    assert list(message) == ["type", "timestamp", "data"]
    assert message["timestamp"] == event.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert message["data"] == {
        "organization_id": world.org.pk,
        "id": project.id,
        "name": "Website",
        "description": "All new",
        "status": "planned",
        "tags": ["web"],
        "visibility": "organization",
        "archived": False,
    }
    assert again(webhook).due_at <= now(), "its lane was woken"


def test_a_message_says_what_was_before_and_is_as_it_was_then(world, dispatch_events):
    from organizations.projects.services import archive_project, update_project

    webhook = make_endpoint(world, URL, events=["project.updated", "project.archived"])
    project = create_project(world)
    values = {"description": "", "status": "active", "tags": []}
    project = update_project(
        org=world.org, actor=world.owner, project=project, version=project.version, name="Shop", **values
    )
    archive_project(org=world.org, actor=world.owner, project=project)
    dispatch_events()
    (first, changed), (second, archived) = sent(webhook)
    assert (first, second) == ("project.updated", "project.archived")
    assert changed["previous"] == {"name": "Website", "status": "planned"}
    assert (changed["name"], changed["archived"]) == ("Shop", False)
    assert archived["archived"] is True


def test_only_who_chose_the_event_is_on_and_was_there_hears_of_it(world, dispatch_events):
    hears = make_endpoint(world, URL, events=["project.created"])
    other_event = make_endpoint(world, URL, events=["project.deleted"])
    paused = make_endpoint(world, URL)
    endpoints.pause_endpoint(webhook=paused, actor=world.owner)
    elsewhere = make_endpoint(world, URL, org="birch")
    platform = make_endpoint(world, URL, org=None)
    create_project(world)
    late = make_endpoint(world, URL)
    webhooks().filter(id=late.id).update(set__created_at=now() + timedelta(seconds=1))
    dispatch_events()
    names = {key: [event for event, _ in sent(key_of)] for key, key_of in locals().items() if hasattr(key_of, "hears")}
    assert names == {
        "hears": ["project.created"], "other_event": [], "paused": [], "elsewhere": [], "platform": [], "late": [],
    }  # fmt: skip


def test_an_event_is_delivered_once_however_often_the_sink_runs(world, dispatch_events):
    make_endpoint(world, URL)
    make_endpoint(world, URL)
    create_project(world)
    dispatch_events()
    event = all_events().get(event="project.created")
    for _ in range(2):
        dispatching.replay(event, sinks.get("webhooks"))
    assert deliveries().filter(event="project.created").count() == 2
    assert atomic(fanout.deliver)(event) == {"endpoints": 2, "added": 0}


def test_who_joins_is_a_new_person_there(world, dispatch_events):
    from organizations import services

    webhook = make_endpoint(world, URL, events=["member.joined", "user.created"])
    platform = make_endpoint(world, URL, org=None)
    services.accept_invitation(invitation=world.tenant.invitation, actor=world.outsider, is_mailed=True)
    dispatch_events()
    (joined, member), (created, user) = sent(webhook)
    assert (joined, created) == ("member.joined", "user.created")
    assert member == {
        "organization_id": world.org.pk, "user_id": world.outsider.pk, "name": "Outsider", "role": "member",
        "email": world.outsider.email, "status": "active",
    }  # fmt: skip
    assert user == {"id": world.outsider.pk, "email": world.outsider.email, "name": "Outsider"}
    first, second = deliveries().filter(webhook_id=webhook.id).order_by("id")
    assert second.message_id == f"{first.message_id}_user_created"
    assert sent(platform) == []


def test_the_platform_hears_of_a_new_person_and_each_organization_of_a_changed_one(world, dispatch_events):
    from accounts.services import create_person, store_profile

    platform = make_endpoint(world, URL, org=None, events=["user.created", "user.updated"])
    mine, other = make_endpoint(world, URL), make_endpoint(world, URL, org="birch")
    created = create_person(email="new@example.com", encoded="x", name="New")
    before, after = {"name": "Acorn Member", "theme": "system"}, {"name": "Maja", "theme": "dark"}
    store_profile(user=world.member, before=before, after=after, request=None)
    dispatch_events()
    updated = {"id": world.member.pk, "email": world.member.email, "name": "Maja", "previous": {"name": "Acorn Member"}}
    assert sent(platform) == [
        ("user.created", {"id": created.pk, "email": "new@example.com", "name": "New"}),
        ("user.updated", updated),
    ]
    assert sent(mine) == [("user.updated", updated)]
    assert sent(other) == []


def test_every_public_event_carries_what_its_schema_says(world, dispatch_events):
    """All that the product does, recorded by the product itself."""
    from accounts.services import create_person, store_profile
    from organizations import services
    from organizations.projects import services as projects

    mine = make_endpoint(world, URL)
    platform = make_endpoint(world, URL, org=None)
    org, owner = world.org, world.owner
    person = create_person(email="new@example.com", encoded="x", name="New")
    store_profile(user=world.member, before={"name": ""}, after={"name": "Maja"}, request=None)
    services.create_organization(name="Cedar", actor=world.outsider)
    services.update_organization(org=org, actor=owner, values={"name": "Acorn Mills"})
    services.revoke_invitation(org=org, actor=owner, invitation=world.tenant.invitation)
    invited = services.invite_member(org=org, actor=owner, email="late@example.com", role="viewer")
    services.decline_invitation(invitation=invited)
    joining = services.invite_member(org=org, actor=owner, email=person.email, role="viewer")
    joined = services.accept_invitation(invitation=joining, actor=person)
    services.change_role(org=org, actor=owner, membership=joined, role="member")
    services.suspend_member(org=org, actor=owner, membership=joined)
    services.unsuspend_member(org=org, actor=owner, membership=joined)
    services.remove_member(org=org, actor=owner, membership=joined)
    services.leave_organization(org=org, actor=world.viewer)
    project = create_project(world)
    values = {"name": "Shop", "description": "", "status": "active", "tags": []}
    project = projects.update_project(org=org, actor=owner, project=project, version=project.version, **values)
    project = projects.share_project(
        org=org, actor=owner, project=project, version=project.version, visibility="private", shared_with=[]
    )
    project = projects.archive_project(org=org, actor=owner, project=project)
    project = projects.restore_project(org=org, actor=owner, project=project)
    projects.delete_project(org=org, actor=owner, project=project)
    for name in catalogue.load().triggered:
        trigger_webhook(name, payloads.find(name).sample, organization=org)
    dispatch_events()
    heard = {*sent_names(mine), *sent_names(platform)}
    assert heard == {event.name for event in payloads.public_events()}, "a new public event needs its line above"
    for delivery in deliveries():
        message = json.loads(delivery.payload)
        Draft202012Validator(payloads.find(delivery.event).schema).validate(message["data"])
        assert len(delivery.payload.encode()) < payloads.LARGEST_BODY
        assert "." not in delivery.message_id
    recorded = {event.event for event in all_events()}
    assert {name for name, each in catalogue.load().events.items() if each.webhook} <= recorded


def sent_names(webhook):
    return {event for event, _ in sent(webhook)}


def test_samples_fit_their_schemas():
    for event in payloads.public_events():
        payloads.check(event.sample, event)


def test_data_that_does_not_fit_is_not_sent(world, dispatch_events):
    from saas import events

    make_endpoint(world, URL)
    events.record("project.created", org=world.org, actor=world.owner, target=world.owner)
    event = all_events().get(event="project.created")
    with pytest.raises(payloads.BadPayload, match=r"project.created: \$: 'description' is a required property"):
        fanout.deliver(event)


def test_a_long_text_is_cut_before_the_body_is_too_large():
    text = payloads.body("project.created", now(), {"name": "x", "description": "ü" * 15_000})
    assert len(text.encode()) < payloads.LARGEST_BODY
    assert json.loads(text)["data"]["description"].endswith("…")


def test_a_founders_own_event(world, dispatch_events):
    mine, chosen = make_endpoint(world, URL), make_endpoint(world, URL, events=["project.created"])
    platform = make_endpoint(world, URL, org=None)
    data = {"id": "in_1", "tokens": 5, "total": "10.00", "name": "Grüße"}
    trigger_webhook("invoice.sent", data, organization=world.org)
    trigger_webhook("release.published", {"version": 2})
    dispatch_events()
    assert sent(mine) == [("invoice.sent", data)]
    assert sent(platform) == [("release.published", {"version": 2})]
    assert sent(chosen) == []


def test_an_event_that_the_catalogue_names_can_be_chosen_and_has_to_fit(world, dispatch_events):
    chosen = make_endpoint(world, URL, events=["payment.failed"])
    data = {"organization_id": world.org.pk, "id": "1", "amount": 4900, "currency": "eur", "status": "failed"}
    trigger_webhook("payment.failed", data, organization=world.org)
    trigger_webhook("payment.succeeded", {**data, "status": "succeeded"}, organization=world.org)
    with pytest.raises(payloads.BadPayload, match=r"payment.failed: \$.amount: 49.5 is not of type 'integer'"):
        trigger_webhook("payment.failed", {**data, "amount": 49.5}, organization=world.org)
    dispatch_events()
    assert sent(chosen) == [("payment.failed", data)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("  thing.made: Somebody made it.", "No event tells of 'thing.made'"),
        ("  thing.made: { description: Made., payload: nothing }", "There is no schema 'nothing'"),
        ("  project.created: { description: Made., payload: project }", "An event tells of 'project.created'"),
    ],
)
def test_a_public_name_is_told_by_an_event_or_triggered(tmp_path, monkeypatch, wrong, words):
    lines = Path(settings.BASE_DIR, catalogue.FILE).read_text().splitlines()
    name = wrong.split(":")[0] + ":"
    kept = [line for line in lines if not (line.startswith(name) and "Somebody" in line)]
    kept.insert(kept.index("webhooks:") + 1, wrong)
    file = tmp_path / "events.yaml"
    file.write_text("\n".join(kept))
    monkeypatch.setattr(catalogue, "FILE", str(file))
    with pytest.raises(ConfigError, match=words):
        catalogue.load.__wrapped__()


def test_what_looks_like_a_secret_is_sent_but_not_logged(world, dispatch_events):
    mine = make_endpoint(world, URL)
    data = {"password": "first day only", "note": "n" * 15_000, "a.b": {"$ref": 1}}
    trigger_webhook("door.opened", data, organization=world.org)
    (event,) = all_events().filter(event="door.opened")
    assert "first day only" not in str(event.to_mongo())
    assert len(str(event.to_mongo())) < 12_000
    dispatch_events()
    assert sent(mine) == [("door.opened", data)]


def test_a_message_goes_with_the_transaction_that_it_is_part_of(world, dispatch_events):
    mine = make_endpoint(world, URL)

    def fail():
        trigger_webhook("invoice.sent", {"id": 1}, organization=world.org)
        raise LookupError

    with pytest.raises(LookupError):
        run_atomic(fail)
    dispatch_events()
    assert sent(mine) == []
    assert not messages().first()


def test_metadata_of_a_recorded_event_is_no_message(world, dispatch_events):
    mine = make_endpoint(world, URL)
    write("job.done", action="update", resource="job", sinks=("webhooks",), org=world.org, metadata={"data": "{}"})
    dispatch_events()
    assert sent(mine) == []


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä.b", "a.b\n"])
def test_a_founders_event_needs_a_name_that_fits(name):
    with pytest.raises(ValueError, match="no name"):
        trigger_webhook(name, {})


def test_data_that_is_too_large_is_refused_at_once():
    with pytest.raises(payloads.BadPayload, match="larger than"):
        trigger_webhook("a.b", {str(n): "x" * 20 for n in range(1000)})


def test_the_sink_reads_little(world, dispatch_events, count_queries, no_scans):
    for _ in range(3):
        make_endpoint(world, URL)
    dispatch_events()
    create_project(world)
    event = all_events().get(event="project.created")
    with no_scans(), count_queries(at_most=5):  # endpoints, those known, the insert; the wake, the look of no sender
        fanout.deliver(event)
