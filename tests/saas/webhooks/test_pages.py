"""The pages of endpoints: of an organization, and the same for the platform."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from saas import resources
from saas.tenancy import now
from saas.webhooks import endpoints, pages, views
from saas.webhooks.models import FAILED, PENDING, SUCCEEDED, WebhookDelivery, deliveries, webhooks
from tests.factories import PASSWORD
from tests.saas.webhooks.conftest import add_deliveries, again, make_endpoint, run_webhook_jobs, send_due, verify

HTMX = {"HX-Request": "true"}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{40,}")
#: Members' people, then the staff: who changes endpoints, and where.
PLACES = {"acorn": "admin", None: "staff"}


@pytest.fixture
def typed(receiver):
    return {"name": "Billing", "url": receiver.url, "scope": "all"}


def place(world, org="acorn"):
    return f"/o/{world.org.slug}/webhooks/" if org else "/admin/webhooks/"


def page_of(world, webhook, *more):
    """The address of an endpoint's page, or of one below it."""
    return place(world, webhook.organization_id) + "/".join([webhook.id, *more]) + "/"


def text_of(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def signed_in(user):
    """A browser in which the person has just typed the password."""
    client = Client()
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def one(**known):
    return webhooks().get(**known)


# -- Adding and changing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("org", PLACES)
def test_somebody_adds_an_endpoint_and_sees_its_secret_until_it_is_stored(world, typed, org):
    client = world.client(PLACES[org])
    assert "No endpoint yet" in text_of(client.get(place(world, org)))
    answer = client.post(f"{place(world, org)}new/", typed)
    webhook = one(name="Billing")
    assert (answer.status_code, answer.url) == (303, page_of(world, webhook, "secret"))
    shown = client.get(answer.url)
    secret = SECRET.search(shown.content.decode()).group()
    assert "no-store" in shown["Cache-Control"]
    assert secret not in str(dict(client.session)), "the session holds it encrypted"
    assert client.post(answer.url).url == page_of(world, webhook)
    assert not SECRET.search(client.get(answer.url).content.decode())
    assert "is not shown any more" in text_of(client.get(answer.url))
    assert (webhook.organization_id, webhook.events) == (world.org.pk if org else None, ["*"])
    assert "Billing" in text_of(client.get(place(world, org)))


def test_the_secret_is_shown_for_a_quarter_of_an_hour_and_to_nobody_else(world, typed):
    client = world.client("admin")
    address = client.post(f"{place(world)}new/", typed).url
    assert not SECRET.search(world.client("owner").get(address).content.decode())
    with time_machine.travel(now() + timedelta(minutes=16)):
        assert not SECRET.search(client.get(address).content.decode())


def test_only_the_chosen_events_are_heard(world, typed):
    events = ["project.created", "project.deleted"]
    world.client("admin").post(f"{place(world)}new/", {**typed, "scope": "chosen", "events": events})
    assert one(name="Billing").events == events
    assert "project.created and 1 more" in text_of(world.client("admin").get(place(world)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"url": "ftp://example.com/"}, "https"),
        ({"url": "https://169.254.169.254/latest/"}, "field-error"),
        ({"scope": "chosen"}, "Choose at least one event"),
        ({"scope": "chosen", "events": ["nothing.happened"]}, "not one of the available choices"),
    ],
)
def test_a_mistake_is_shown_at_its_field_and_what_was_typed_stays(world, typed, changes, words):
    for headers in ({}, HTMX):
        answer = world.client("admin").post(f"{place(world)}new/", {**typed, **changes}, headers=headers)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert words in page
        assert changes.get("url", typed["url"]) in page
    assert webhooks().filter(organization_id=world.org.pk).first() is None


def test_there_is_a_limit_and_the_page_says_so(world, typed, monkeypatch):
    for module in (endpoints, pages, views):
        monkeypatch.setattr(module, "ENDPOINT_LIMIT", 1)
    make_endpoint(world, typed["url"])
    page = text_of(world.client("admin").get(place(world)))
    assert "which is the limit" in page
    assert "Add an endpoint" not in page
    answer = world.client("admin").post(f"{place(world)}new/", typed)
    assert answer.status_code == 422
    assert "which is the limit" in text_of(answer)


def test_each_event_has_its_words_and_a_sample(world):
    page = world.client("admin").get(f"{place(world)}new/").content.decode()
    assert "&quot;type&quot;: &quot;project.created&quot;" in page
    for event in ("member.joined", "invitation.created", "organization.updated"):
        assert page.count(event) >= 3


def test_an_endpoint_is_changed_where_it_stands(world, endpoint):
    client = world.client("admin")
    edit = page_of(world, endpoint, "edit")
    assert endpoint.url in client.get(edit).content.decode()
    typed = {"name": " New  name ", "url": endpoint.url, "scope": "chosen", "events": ["member.joined"]}
    assert client.post(edit, typed).url == page_of(world, endpoint)
    changed = again(endpoint)
    assert (changed.name, changed.events, changed.secret) == ("New name", ["member.joined"], endpoint.secret)
    assert "checked" in re.search(r'<input[^>]+value="member.joined"[^>]*>', client.get(edit).content.decode()).group()


def test_whoever_replaces_the_secret_says_first_who_it_is(world, endpoint, receiver):
    rotate = page_of(world, endpoint, "rotate")
    assert world.client("admin").post(rotate).url.startswith("/accounts/reauthenticate/")
    assert again(endpoint).secret == endpoint.secret
    client = signed_in(world.admin)
    assert "24 hours" in text_of(client.get(rotate))
    answer = client.post(rotate)
    shown = client.get(answer.url)
    assert "signs too, until" in text_of(shown)
    new = SECRET.search(shown.content.decode()).group()
    add_deliveries(endpoint, 1)
    send_due()
    for secret in (new, endpoint.plain_secret):
        verify(receiver.came[0], secret)
    assert "Two are valid" in text_of(client.get(page_of(world, endpoint)))
    assert "ends at once" in text_of(client.get(rotate))


def test_a_paused_endpoint_says_so_and_goes_on_when_resumed(world, endpoint, receiver):
    client = world.client("admin")
    (waiting,) = add_deliveries(endpoint, 1)
    client.post(page_of(world, endpoint, "pause"))
    run_webhook_jobs()
    send_due()
    assert receiver.came == []
    page = text_of(client.get(page_of(world, endpoint)))
    assert "Nothing is sent" in page
    assert "Held" in page
    assert "When the endpoint is resumed" in text_of(client.get(page_of(world, endpoint, "deliveries", waiting.id)))
    client.post(page_of(world, endpoint, "resume"))
    run_webhook_jobs()
    send_due()
    assert receiver.ids == [waiting.message_id]


@pytest.mark.parametrize(
    ("reason", "words"), [("gone", "it answered 410"), ("failing", "nothing has arrived for days")]
)
def test_one_that_we_switched_off_says_why_and_how_to_go_on(world, endpoint, reason, words):
    webhooks().filter(id=endpoint.id).update(
        enabled=False, disabled_reason=reason, disabled_at=now(), failed_at=now(), failing_since=now()
    )
    client = world.client("admin")
    assert words in text_of(client.get(page_of(world, endpoint)))
    assert "Switched off" in text_of(client.get(place(world)))
    client.post(page_of(world, endpoint, "resume"))
    assert again(endpoint).enabled


def test_one_that_fails_is_marked(world, endpoint, receiver):
    receiver.status = 500
    add_deliveries(endpoint, 1)
    send_due()
    client = world.client("admin")
    assert "Failing" in text_of(client.get(place(world)))
    assert "Nothing has arrived since" in text_of(client.get(page_of(world, endpoint)))


def test_deleting_says_what_goes(world, endpoint):
    add_deliveries(endpoint, 1)
    client = world.client("admin")
    delete = page_of(world, endpoint, "delete")
    assert "the log of its deliveries are deleted" in text_of(client.get(delete))
    assert again(endpoint)
    assert client.post(delete).url == place(world)
    assert webhooks().filter(id=endpoint.id).first() is None
    run_webhook_jobs()
    assert deliveries().filter(webhook_id=endpoint.id).first() is None


# -- Tests -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("org", PLACES)
def test_a_test_shows_the_true_result_in_place(world, receiver, worker, org):
    endpoint = make_endpoint(world, receiver.url, org=org)
    client = world.client(PLACES[org])
    receiver.answer = lambda _call: (201, {}, b"<b>taken</b>")
    event = "organization.created" if org is None else "project.created"
    part = client.post(page_of(world, endpoint, "test"), {"event": event}, headers=HTMX).content.decode()
    assert "On its way" in part
    address = re.search(r'hx-get="([^"]+)"', part).group(1)
    worker.wait()
    shown = client.get(address, headers=HTMX).content.decode()
    assert "It arrived" in shown
    assert re.search(r"201 in \d+ ms", shown)
    assert "&lt;b&gt;taken&lt;/b&gt;" in shown
    assert "hx-get" not in shown, "there is nothing to wait for any more"
    verify(receiver.came[0], endpoint.plain_secret)


def test_without_a_script_the_result_is_on_the_delivery_s_page(world, endpoint, receiver, worker):
    receiver.status = 503
    client = world.client("admin")
    answer = client.post(page_of(world, endpoint, "test"), {"event": "project.created"})
    assert answer.status_code == 303
    worker.wait()
    page = text_of(client.get(answer.url))
    assert "503" in page
    assert "Failed" in page
    assert "Replay" not in page, "a test is sent again by another test"


def test_a_test_of_no_event_is_refused(world, endpoint):
    answer = world.client("admin").post(page_of(world, endpoint, "test"), {"event": "no.such"}, headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#test")


def test_tests_have_a_limit(world, endpoint, worker):
    client = world.client("admin")
    statuses = [
        client.post(page_of(world, endpoint, "test"), {"event": "project.created"}).status_code for _ in range(21)
    ]
    assert statuses == [303] * 20 + [429]


# -- The log -----------------------------------------------------------------------------------------------------------


def test_the_log_tells_each_attempt_and_what_comes_next(world, endpoint, receiver):
    receiver.answer = lambda _call: (500, {"Content-Type": "text/plain"}, b"broken <here>")
    (delivery,) = add_deliveries(endpoint, 1)
    send_due()
    client = world.client("admin")
    log = client.get(page_of(world, endpoint))
    assert "Trying again" in text_of(log)
    assert "500 in" in text_of(log)
    assert "every 3s" in log.content.decode()
    page = client.get(page_of(world, endpoint, "deliveries", delivery.id))
    words = text_of(page)
    assert "The endpoint answered 500." in words
    assert f"webhook-id: {delivery.message_id}" in words
    assert "webhook-signature: v1," in words
    assert "broken &lt;here&gt;" in words
    assert "Next attempt" in words
    assert "every 3s" in page.content.decode()
    part = client.get(page_of(world, endpoint, "deliveries", delivery.id), headers=HTMX).content.decode()
    assert "<html" not in part


def test_the_log_is_filtered_by_state_and_event(world, endpoint, receiver):
    add_deliveries(endpoint, 2)
    add_deliveries(endpoint, 1, event="member.joined")
    receiver.answer = lambda call: (410 if b"member.joined" in call.body else 200, {}, b"")
    send_due()
    client = world.client("admin")

    def shown(**filters):
        found = client.get(page_of(world, endpoint), filters).context["deliveries"]
        return sorted((row["event"], row["status"]) for row in found)

    everything = [("member.joined", FAILED), *[("project.created", SUCCEEDED)] * 2]
    assert len(shown()) == 3
    assert shown(event="member.joined") == [row for row in shown() if row[0] == "member.joined"]
    assert shown(state="succeeded") == [row for row in shown() if row[1] == SUCCEEDED]
    assert shown(state="nonsense") == shown()
    assert set(shown()) <= {*everything, ("project.created", PENDING)}
    assert "No delivery fits" in text_of(client.get(page_of(world, endpoint), {"event": "user.updated"}))


def test_a_failed_delivery_is_replayed_under_its_id(world, endpoint, receiver):
    (delivery,) = add_deliveries(endpoint, 1)
    deliveries().filter(id=delivery.id).update(set__status=FAILED, unset__next_attempt_at=1)
    client = world.client("admin")
    address = page_of(world, endpoint, "deliveries", delivery.id)
    assert "Replay" in text_of(client.get(address))
    assert client.post(f"{address}replay/").url == address
    send_due()
    assert receiver.ids == [delivery.message_id]
    assert "Arrived" in text_of(client.get(address))


def test_nothing_is_replayed_to_an_endpoint_that_is_off(world, endpoint):
    (delivery,) = add_deliveries(endpoint, 1)
    client = world.client("admin")
    client.post(page_of(world, endpoint, "pause"))
    address = page_of(world, endpoint, "deliveries", delivery.id)
    assert "Resume it first" in text_of(client.post(f"{address}replay/", follow=True))
    answer = client.post(page_of(world, endpoint, "replay"), {"since": since(hours=1)}, headers=HTMX)
    assert (answer.status_code, answer["HX-Retarget"]) == (422, "#replay")
    assert "Resume it first" in text_of(answer)


def since(**ago):
    return (now() - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M")


def test_what_has_failed_since_a_time_is_replayed(world, endpoint, receiver):
    old, new = add_deliveries(endpoint, 2)
    ended = {"set__status": FAILED, "set__finished_at": now(), "unset__next_attempt_at": 1}
    deliveries().filter(webhook_id=endpoint.id).update(**ended)
    deliveries().filter(id=old.id).update(created_at=now() - timedelta(days=3))
    client = world.client("admin")
    replay = page_of(world, endpoint, "replay")
    assert "1 on their way again" in text_of(client.post(replay, {"since": since(days=2)}, follow=True))
    run_webhook_jobs()
    send_due()
    assert receiver.ids == [new.message_id]
    assert "Nothing has failed since then" in text_of(client.post(replay, {"since": since(days=1)}, follow=True))
    for bad in (since(days=40), since(days=-1), "yesterday"):
        assert client.post(replay, {"since": bad}).status_code == 422


def test_the_list_says_how_much_arrives(world, endpoint):
    rows = add_deliveries(endpoint, 4)
    for number, row in enumerate(rows):
        status = FAILED if number == 3 else SUCCEEDED
        deliveries().filter(id=row.id).update(set__status=status, set__status_code=200, set__last_attempt_at=now())
    WebhookDelivery.objects.for_org(world.org).filter(id=rows[3].id).update(set__status_code=500)
    page = text_of(world.client("admin").get(place(world)))
    assert "75 % of 4" in page
    assert "Failed (500)" in page


def test_the_list_and_the_log_cost_few_reads(world, endpoint, count_queries):
    for number in range(3):
        add_deliveries(make_endpoint(world, endpoint.url, name=f"More {number}"), 3)
    client = world.client("admin")
    for address in (place(world), page_of(world, endpoint)):
        client.get(address)
        with count_queries(at_most=6):
            client.get(address)


# -- Whose -------------------------------------------------------------------------------------------------------------


def test_the_platform_s_endpoints_and_the_organization_s_do_not_meet(world, receiver):
    mine, theirs = make_endpoint(world, receiver.url), make_endpoint(world, receiver.url, org=None, name="Ours")
    staff, admin = world.client("staff"), world.client("admin")
    assert staff.get(f"/admin/webhooks/{theirs.id}/").status_code == 200
    assert staff.get(f"/admin/webhooks/{mine.id}/").status_code == 404
    assert admin.get(f"{place(world)}{theirs.id}/").status_code == 404
    (delivery,) = add_deliveries(mine, 1)
    assert staff.get(f"/admin/webhooks/{theirs.id}/deliveries/{delivery.id}/").status_code == 404
    assert "Ours" not in text_of(admin.get(place(world)))
    assert "Billing" not in text_of(staff.get("/admin/webhooks/"))


def test_a_delivery_belongs_to_its_endpoint(world, endpoint, receiver):
    other = make_endpoint(world, receiver.url, name="Other")
    (delivery,) = add_deliveries(endpoint, 1)
    assert world.client("admin").get(page_of(world, other, "deliveries", delivery.id)).status_code == 404
    assert world.client("admin").get(page_of(world, endpoint, "deliveries", delivery.id)).status_code == 200


def test_the_sidebar_shows_webhooks_to_whom_may_see_them(world):
    home = f"/o/{world.org.slug}/"
    assert place(world) in world.client("admin").get(home).content.decode()
    assert place(world) not in world.client("member").get(home).content.decode()


def test_the_checklist_knows_the_first_endpoint(world, receiver):
    home = f"/o/{world.org.slug}/"
    items = lambda who: {i.title: i.is_done for i in world.client(who).get(home).context["checklist"]}  # noqa: E731
    assert items("admin")["Add a webhook"] is False
    assert "Add a webhook" not in items("member"), "only who may"
    make_endpoint(world, receiver.url)
    assert items("admin")["Add a webhook"] is True


def test_feed_and_audit_log_lead_to_the_endpoint(world, endpoint):
    assert resources.url_of(world.org, "webhook", endpoint.id) == page_of(world, endpoint)
    known = resources.get("webhook")
    assert known.describe(world.org.pk, [endpoint.id])[endpoint.id].title == "Billing"
    assert known.describe(world.other.org.pk, [endpoint.id]) == {}
    assert [each.title for each in known.describe_all(world.org.pk)] == ["Billing"]
