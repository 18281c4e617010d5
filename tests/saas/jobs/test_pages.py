"""The pages of background jobs: one's own, the staff's; and the export that is made by one."""

import io
import json
import zipfile

import pytest
from django.core import mail

from accounts.export import request_export
from saas.events.models import Event
from saas.jobs import acting, queue_email, queue_processing
from saas.jobs.models import CANCELLED, DISCARDED, FAILED, QUEUED, RUNNING, SUCCEEDED, StoredFile, jobs, schedules
from saas.mailing.models import BOUNCED, switched_off
from saas.tasks import send_email
from saas.tenancy import now
from tests.factories import PASSWORD, make_world
from tests.saas.jobs.work import fails, steps
from tests.writes.organizations import confirmed


def events(name):
    return list(Event.objects.everything(reason="a test reads").filter(event=name))


def again(job):
    return jobs().get(id=job.id)


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def finished(world):
    from accounts.tasks import export_account

    job = request_export(user=world.member)
    export_account(job.id)
    return again(job)


def test_a_person_takes_everything_along(world, finished):
    assert finished.state == SUCCEEDED
    client = world.client("member")
    page = client.get("/account/jobs/").content.decode()
    assert f"/account/jobs/{finished.id}/file/" in page
    answer = client.get(f"/account/jobs/{finished.id}/file/")
    assert answer["Content-Type"] == "application/zip"
    (event,) = events("file.downloaded")
    assert (event.user_id, event.targets[0]["name"]) == (world.member.pk, finished.result["file"])
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    profile = json.loads(archive.read("profile.json"))[0]
    assert profile["email"] == world.member.email
    assert "password" not in profile
    everything = " ".join(archive.read(name).decode() for name in archive.namelist())
    assert world.tenant.org.pk in everything, "the membership"
    for word in (world.member.password, world.owner.email, world.other.org.name):
        assert word not in everything


def test_nobody_else_gets_the_file_and_an_expired_one_is_gone(world, finished):
    address = f"/account/jobs/{finished.id}/file/"
    for who in ("owner", "staff", "outsider"):
        assert world.client(who).get(address).status_code == 404
    StoredFile.objects.for_user(world.member).update(set__expires_at=now().replace(year=2020))
    answer = world.client("member").get(address)
    assert answer.status_code == 404
    assert b"expired" in answer.content


def test_who_did_not_confirm_lately_is_asked_before_an_export_is_made(world):
    client = world.client("member")
    asked = client.post("/account/export/")
    assert asked.url == "/accounts/reauthenticate/?next=%2Faccount%2Fexport%2F"
    assert not jobs().filter(user_id=world.member.pk).count()
    back = client.post(asked.url, {"password": PASSWORD})
    assert back.url == "/account/export/"
    assert "Make an export" in client.get(back.url).content.decode()
    assert client.post(back.url).url == "/account/export/"
    assert jobs().filter(user_id=world.member.pk).count() == 1


def test_asking_who_it_is_uses_up_none_of_the_exports_of_a_day(world):
    client = world.client("member")
    for _ in range(12):
        assert client.post("/account/export/").url.startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.post("/account/export/").url == "/account/export/"


def test_two_clicks_make_one_export(world):
    client = confirmed(world, "member")
    for _ in range(2):
        assert client.post("/account/export/").status_code == 303
    assert jobs().filter(user_id=world.member.pk).count() == 1
    assert len(events("user.export_requested")) == 1


def test_a_waiting_job_is_cancelled_at_once_and_never_runs(world):
    job = queue_processing(user=world.member, task="tests.steps", payload={"steps": 3})
    assert world.client("member").post(f"/account/jobs/{job.id}/cancel/").status_code == 303
    steps(job.id)
    assert (again(job).state, again(job).attempts) == (CANCELLED, 0)
    assert len(events("job.cancelled")) == 1
    world.client("member").post(f"/account/jobs/{job.id}/cancel/")
    assert len(events("job.cancelled")) == 1


def test_a_running_job_ends_at_its_next_report(world, monkeypatch):
    job = queue_processing(user=world.member, task="tests.steps", payload={"steps": 50, "seconds": 0.02})

    def cancel_at_work(**_):
        if again(job).state == RUNNING and not again(job).is_cancel_requested:
            acting.cancel_job(job=again(job), actor=world.member)
        return

    monkeypatch.setattr("saas.live.publish", lambda *_: cancel_at_work())
    steps(job.id)
    assert again(job).state == CANCELLED


def test_the_row_of_a_running_job_shows_its_progress(world):
    job = queue_processing(user=world.member, task="tests.steps", payload={"steps": 3})
    jobs().filter(id=job.id).update(set__state=RUNNING, set__progress=40, set__note="Step 2")
    page = world.client("member").get(f"/account/jobs/{job.id}/", headers={"HX-Request": "true"}).content.decode()
    assert 'value="40"' in page
    assert "Step 2" in page
    assert "every 5s" in page
    assert "<html" not in page


def test_an_organization_shows_a_member_her_own_and_an_admin_all(world):
    queue_processing(user=world.member, org=world.tenant.org, task="tests.steps", payload={"steps": 1})
    address = f"/o/{world.tenant.org.slug}/jobs/"
    for who, sees in (("member", True), ("viewer", False), ("admin", True), ("owner", True)):
        assert (b"Steps" in world.client(who).get(address).content) is sees, who


def test_a_dead_letter_is_found_edited_and_tried_again(world):
    job = queue_processing(user=world.member, task="tests.fails", payload={"wrong": True, "secret": "a link"})
    for _ in range(3):
        jobs().filter(id=job.id).update(set__due_at=now())
        fails(job.id)
    assert (again(job).state, again(job).attempts) == (FAILED, 3), "three quick tries are all"
    staff = world.client("staff")
    assert b"it is wrong" in staff.get("/admin/jobs/").content
    address = f"/admin/jobs/failed/{job.id}/"
    page = staff.get(address).content
    assert b"a link" not in page, "what lets somebody in is not for the staff"
    assert staff.post(f"{address}edit/", {"payload": "not json"}).status_code == 422
    assert staff.post(f"{address}edit/", {"payload": '{"wrong": false}'}).status_code == 303
    assert again(job).payload == {"wrong": False, "secret": "a link"}
    assert staff.post(f"{address}retry/").status_code == 303
    assert again(job).state == QUEUED
    fails(job.id)
    assert again(job).state == SUCCEEDED
    assert "secret" not in again(job).payload
    assert [len(events(name)) for name in ("job.edited", "job.retried")] == [1, 1]
    assert staff.post(f"{address}retry/").status_code == 404


def test_the_staff_cannot_send_a_persons_mail_to_somebody_else(world):
    job = queue_email(to=world.member.email, subject="Set a new password", body="a link", user=world.member)
    jobs().filter(id=job.id).update(set__state=FAILED, set__finished_at=now())
    address = f"/admin/jobs/failed/{job.id}/edit/"
    payload = {**acting.open_payload(job), "to": ["thief@x.test"]}
    answer = world.client("staff").post(address, {"payload": json.dumps(payload)})
    assert answer.status_code == 422
    assert again(job).payload["to"] == [world.member.email]


def test_a_dead_letter_is_discarded(world):
    job = world.tenant.job
    assert world.client("staff").post(f"/admin/jobs/failed/{job.id}/discard/").status_code == 303
    assert again(job).state == DISCARDED
    assert again(job).forget_at > now()
    assert len(events("job.discarded")) == 1


def test_the_staff_see_a_missed_run_and_start_one_by_hand(world, worker):
    values = {"task": "saas.tasks.sweep_jobs", "queue": "default", "words": "every 10 seconds"}
    row = schedules().create(name="sweep_jobs", next_run_at=now(), missed=1, missed_at=now(), **values)
    assert world.client("staff").post(f"/admin/jobs/schedules/{row.id}/run/").status_code == 303
    assert len(events("schedule.started")) == 1
    schedules().filter(id=row.id).update(set__next_run_at=now().replace(year=2020))
    assert b"no clock runs" in world.client("staff").get("/admin/jobs/").content


def test_an_address_that_bounces_gets_no_mail_and_its_person_hears_of_it(world, client, settings):
    from svix.webhooks import Webhook

    settings.RESEND_SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = json.dumps(
        {
            "type": "email.bounced",
            "created_at": now().isoformat(),
            "data": {"email_id": "1", "to": [world.member.email], "bounce": {"type": "Permanent", "message": "no"}},
        }
    )
    moment = now()
    signature = Webhook(settings.RESEND_SIGNING_SECRET).sign("msg_1", moment, body)
    stamp = str(int(moment.timestamp()))
    headers = {"svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": signature}
    address = "/hooks/mail/resend/"
    wrong = client.post(address, body, content_type="application/json", headers={**headers, "svix-signature": "v1,x"})
    assert wrong.status_code == 400
    assert not events("mail_address.switched_off")
    for _ in range(2):
        assert client.post(address, body, content_type="application/json", headers=headers).status_code == 200
    assert len(events("mail_address.switched_off")) == 1

    job = queue_email(to=world.member.email, subject="Hello", body="b")
    send_email(job.id)
    assert again(job).state == SUCCEEDED, "a mail that may not be sent is no failure that waits for somebody"
    assert again(job).result == {"skipped": [{"address": world.member.email, "why": "mail to it comes back"}]}
    assert "body" not in again(job).payload
    assert world.member.email.encode() in world.client("staff").get("/admin/mail/").content
    assert world.member.email.encode() in world.client("member").get("/account/mail/").content
    assert world.client("member").post("/account/mail/on/").status_code == 303
    assert b"alert" not in world.client("member").get("/account/mail/").content


def test_a_mail_to_several_reaches_those_that_may_get_it(world):
    switched_off().create(address="gone@example.com", reason=BOUNCED, reported_at=now())
    job = queue_email(to=["Gone@example.com", "here@example.com"], subject="Hello", body="b")
    send_email(job.id)
    assert [message.to for message in mail.outbox] == [["here@example.com"]]
    assert (again(job).state, again(job).result["skipped"][0]["address"]) == (SUCCEEDED, "gone@example.com")


def test_the_pages_read_by_an_index(world, no_scans):
    queue_processing(user=world.member, org=world.tenant.org, task="tests.steps", payload={"steps": 1})
    with no_scans():
        world.client("member").get("/account/jobs/")
        world.client("admin").get(f"/o/{world.tenant.org.slug}/jobs/")
