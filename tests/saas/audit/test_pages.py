"""The pages: what an admin finds in them, in how many round trips, and the file that takes it along."""

import csv
import hashlib
import io
import json

import pytest
import rfc8785

from saas import events
from saas.audit import exporting, verifying, work
from saas.audit import pages as audit_pages
from saas.audit.diffing import diff
from saas.audit.log import log_action, stream
from saas.jobs.files import file_of, read_file
from saas.jobs.models import StoredFile, jobs
from saas.jobs.progress import Cancelled
from tests.saas.audit.conftest import entries


@pytest.fixture
def address(world):
    return f"/o/{world.org.slug}/audit/"


def text_of(response):
    return response.content.decode()


def body_of(response):
    return b"".join(response.streaming_content).decode()


# -- the list ----------------------------------------------------------------------------------------------------------


def test_an_empty_log_says_so(world, address):
    assert "Nothing has happened yet" in text_of(world.client("owner").get(address))
    assert "No entry fits" in text_of(world.client("owner").get(f"{address}?action=impersonate"))


def test_a_line_says_who_did_what(world, address):
    project = world.tenant.project
    page = text_of(world.client("admin").get(address))
    assert f"{world.owner.display_name} created the project {project.name}" in page
    assert "Audit log" in page
    assert f'href="{address}"' in page, "the sidebar leads here"


def test_a_page_costs_four_round_trips(world, address, chain, count_queries):
    client = world.client("admin")
    client.get(address)
    client.get(f"{address}?action=update&resource=project")
    with count_queries(at_most=4):
        client.get(address)
    with count_queries(at_most=4):
        client.get(f"{address}?action=update&resource=project")
    entry = f"{address}{chain[0]['_id']}/"
    client.get(entry)
    with count_queries(at_most=4):
        client.get(entry)


def test_filters_of_the_page(world, address):
    log_action("delete", "project", user=world.member, organization=world.org)
    log_action("read", "file", user=world.owner, organization=world.org)

    def found(**query):
        shown = {entry["event"] for entry in world.client("admin").get(address, query).context["entries"]}
        return "project.delete" in shown, "file.read" in shown

    assert found() == (True, True)
    assert found(action="delete") == (True, False)
    assert found(person=world.owner.email.upper()) == (False, True)
    assert found(person=world.member.name) == (True, False)
    assert found(person="no such person") == (False, False)
    assert found(event="file.read") == (False, True)
    assert found(start="2999-01-01") == (False, False)
    assert found(end="2999-01-01") == (True, True)
    assert found(start="nonsense") == (False, False)
    assert found(action="nonsense") == (False, False)


def test_pages_turn_and_keep_the_filters(world, address):
    for number in range(25):
        log_action("read", "file", user=world.owner, organization=world.org, resource_id=str(number))
    client = world.client("owner")
    first = client.get(f"{address}?action=read")
    assert text_of(first).count("<tr>") == 21
    following = first.context["next_url"]
    assert "action=read" in following
    second = client.get(following)
    shown = {entry["id"] for page in (first, second) for entry in page.context["entries"]}
    assert {entry.id for entry in entries("file.read")} <= shown


def test_htmx_gets_the_list_alone(world, address):
    answer = text_of(world.client("owner").get(address, headers={"HX-Request": "true"}))
    assert answer.lstrip().startswith("<section")


def test_another_organizations_entry_is_not_found(world, address):
    foreign = world.other.entry
    assert world.client("owner").get(f"{address}{foreign.id}/").status_code == 404
    own = log_action("login", "user", user=world.owner)
    assert world.client("owner").get(f"{address}{own.id}/").status_code == 404, "the platform's own is the staff's"


# -- one entry ---------------------------------------------------------------------------------------------------------


def test_an_entry_shows_what_changed_and_leads_to_its_object(world, address, dispatch_events):
    project = world.tenant.project
    event = events.record(
        "project.updated",
        org=world.org,
        actor=world.owner,
        target=project,
        before={"name": "Old name", "token": "abc", "kept": 1},
        after={"name": "New name", "token": "def", "kept": 1, "tags": ["a", "b"]},
    )
    page = text_of(world.client("admin").get(f"{address}{event.id}/"))
    assert "Old name" in page
    assert "New name" in page
    assert "a, b" in page
    assert "redacted" in page
    assert "abc" not in page
    assert f"/o/{world.org.slug}/projects/{project.id}/" in page
    assert "Is being sealed" in page
    dispatch_events()
    page = text_of(world.client("admin").get(f"{address}{event.id}/"))
    assert event.reload().hash in page


def test_a_diff_names_what_was_added_removed_and_changed():
    before = {"a": 1, "gone": True, "same": "x", "deep": {"x": [1, 2]}, "secret": "[redacted]"}
    after = {"a": 2, "new": None, "same": "x", "deep": {"x": [1, 2, 3]}, "secret": "[redacted]"}
    found = {line.field: (line.kind, line.before, line.after) for line in diff(before, after)}
    assert found == {
        "a": ("changed", "1", "2"),
        "deep.x": ("changed", "1, 2", "1, 2, 3"),
        "gone": ("removed", "yes", ""),
        "new": ("added", "", "empty"),
        "same": ("same", "x", "x"),
        "secret": ("changed", "[redacted]", "[redacted]"),
    }
    assert diff(None, None) == []
    assert diff(None, {"a": 1})[0].kind == "added"


def test_an_evil_name_is_only_text(world, address):
    event = log_action("update", "project", organization=world.org, after={"<script>x</script>": "<img src=x>"})
    page = text_of(world.client("owner").get(f"{address}{event.id}/"))
    assert "<script>x" not in page
    assert "<img src=x" not in page


# -- verifying ---------------------------------------------------------------------------------------------------------


def test_verifying_says_what_it_found_and_is_logged(world, address, chain, rows):
    client = world.client("admin")
    assert "The log is intact" in text_of(client.post(f"{address}verify/"))
    rows.delete_one({"_id": chain[4]["_id"]})
    assert "Entry 5 was removed" in text_of(client.post(f"{address}verify/", headers={"HX-Request": "true"}))
    assert [event.metadata["result"] for event in entries("audit.verified", world.org)] == ["intact", "removed"]


def test_a_long_log_is_verified_in_the_background(world, address, chain, monkeypatch, worker):
    monkeypatch.setattr(audit_pages, "VERIFIED_AT_ONCE", 5)
    assert world.client("admin").post(f"{address}verify/").status_code == 303
    worker.wait()
    (job,) = jobs().filter(user_id=world.admin.pk)
    assert job.result["summary"].endswith("entries: intact")


def test_a_long_verification_can_be_ended(world, address, chain, monkeypatch):
    monkeypatch.setattr(audit_pages, "VERIFIED_AT_ONCE", 5)
    monkeypatch.setattr(verifying, "BATCH", 4)
    world.client("admin").post(f"{address}verify/")
    (job,) = jobs().filter(user_id=world.admin.pk)
    job.modify(set__state="running", set__is_cancel_requested=True)
    with pytest.raises(Cancelled):
        work.verify(job)


# -- the staff's -------------------------------------------------------------------------------------------------------


def test_the_staff_sees_the_platform_everything_and_each_organization(world):
    log_action("login", "user", user=world.owner)
    entry, other = world.tenant.entry, world.other.entry
    client = world.client("staff")

    def shown(query):
        return {each["id"] for each in client.get(f"/admin/audit/{query}").context["entries"]}

    assert not {entry.id, other.id} & shown("")
    assert {entry.id, other.id} <= shown("?organization=everywhere")
    assert entry.id in shown(f"?organization={world.org.slug}")
    assert other.id not in shown(f"?organization={world.org.pk}")
    assert {entry.id} == shown(f"?organization=everywhere&person={world.owner.email}&resource=project")
    assert client.get("/admin/audit/?organization=nobody-here").status_code == 404
    answer = client.post(f"/admin/audit/verify/?organization={world.org.slug}")
    assert "The log is intact" in text_of(answer)


# -- taking it along ---------------------------------------------------------------------------------------------------

EVIL = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "|calc", "%0A",
    "\0=1+1", "\ufeff=1+1", "\u200b=1+1", "\xa0=1+1", "\x0b=1", "＝1+1", "＋1", "－1", "＠SUM(A1)", " ＝1",
]  # fmt: skip


def as_csv(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_both_files_hold_the_same_rows(world, address, chain):
    client = world.client("admin")
    table = as_csv(body_of(client.post(f"{address}export/", {"format": "csv", "action": "update"})))
    objects = [
        json.loads(line)
        for line in body_of(client.post(f"{address}export/", {"format": "jsonl", "action": "update"})).splitlines()
    ]
    assert [row["id"] for row in table] == [each["id"] for each in objects] == [str(row["_id"]) for row in chain[::-1]]
    for row, each in zip(table, objects, strict=True):
        assert list(row) == list(each) == list(exporting.FIELDS)
        for name in ("actor", "before", "after", "seal", "sequence"):
            assert json.loads(row[name]) == each[name]
        for name in ("event", "user_id", "created_at", "hash"):
            assert row[name] == each[name]


def test_a_file_is_verified_without_our_code(world, address, chain):
    """As docs/audit.md says it."""

    def sha256(content):
        return hashlib.sha256(rfc8785.dumps(content)).hexdigest()

    body = body_of(world.client("admin").post(f"{address}export/", {"format": "jsonl"}))
    link, checked = "", 0
    for line in reversed(body.splitlines()):
        row = json.loads(line)
        if not row["sequence"]:
            continue
        parts = {
            "origin": ("actor", "ip_address", "user_agent", "session_id"),
            "details": ("targets", "before", "after", "metadata", "reason"),
        }
        digests = {
            part: sha256({"salt": row["seal"][part]["salt"], **{name: row[name] for name in names}})
            for part, names in parts.items()
        }
        named = (
            "id",
            "event",
            "action",
            "resource",
            "resource_id",
            "user_id",
            "organization_id",
            "request_id",
            "auth_method",
        )
        place = {"version": 1, "sequence": row["sequence"], "previous_hash": link}
        content = {
            **place,
            **{name: row[name] for name in named},
            "created_at": {"$date": row["created_at"]},
            **digests,
        }
        assert sha256(content) == row["hash"]
        link, checked = row["hash"], checked + 1
    assert checked == 10


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_no_cell_is_a_formula(world, address, evil):
    log_action("read", "file", organization=world.org, reason=evil, resource_id=evil, request=None)
    answer = world.client("owner").post(f"{address}export/", {"format": "csv", "action": "read"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    (row,) = as_csv(body_of(answer))
    for name in ("reason", "resource_id"):
        assert row[name].startswith("'"), row[name]


def test_text_in_any_script_is_kept(world, address):
    log_action("read", "file", organization=world.org, reason="Größe, 日本語, 🙂\nsecond line")
    body = body_of(world.client("owner").post(f"{address}export/", {"format": "csv", "action": "read"}))
    assert as_csv(body)[0]["reason"] == "Größe, 日本語, 🙂\nsecond line"
    body = body_of(world.client("owner").post(f"{address}export/", {"format": "jsonl", "action": "read"}))
    assert json.loads(body)["reason"] == "Größe, 日本語, 🙂\nsecond line"


def test_exporting_is_logged_and_needs_its_permission(world, address):
    assert world.client("member").post(f"{address}export/").status_code == 403
    world.client("admin").post(f"{address}export/", {"format": "jsonl", "resource": "project"})
    (event,) = entries("audit.exported", world.org)
    assert event.action == "export"
    assert event.metadata == {"filters": {"resource": "project"}, "format": "jsonl", "in_background": False}


def test_a_large_export_is_made_in_the_background_with_the_same_rows(world, address, chain, monkeypatch, worker):
    worker.wait()
    client = world.client("admin")
    expected = body_of(client.post(f"{address}export/", {"format": "csv", "action": "update"}))
    monkeypatch.setattr(exporting, "AT_ONCE", 5)
    assert client.post(f"{address}export/", {"format": "csv", "action": "update"}).status_code == 303
    worker.wait()
    (job,) = jobs().filter(user_id=world.admin.pk, task=exporting.TASK)
    assert b"".join(read_file(file_of(job))).decode() == expected
    assert job.result["summary"] == "10 entries"
    assert [event.metadata["in_background"] for event in entries("audit.exported", world.org)] == [False, True]


def test_who_lost_the_right_meanwhile_gets_no_file(world, address, chain, monkeypatch):
    monkeypatch.setattr(exporting, "AT_ONCE", 5)
    world.client("admin").post(f"{address}export/", {"format": "csv"})
    membership = world.memberships["admin"]
    membership.role = "viewer"
    membership.save()
    (job,) = jobs().filter(user_id=world.admin.pk, task=exporting.TASK)
    with pytest.raises(exporting.PermanentFailure):
        exporting.export(job)


def test_a_long_file_is_never_in_memory_as_a_whole(world):
    drawn = []

    def many():
        for number in range(100_000):
            drawn.append(number)
            yield {"id": str(number), "event": "file.read", "action": "read", "resource": "file"}

    pieces = exporting.as_bytes(exporting.lines(many(), "csv"), size=1000)
    next(pieces)
    assert len(drawn) < 100


def broken_off(rows):
    for number, row in enumerate(rows):
        if number == 3:
            raise RuntimeError("The connection to the database is gone.")
        yield row


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_that_breaks_off_is_no_file(world, address, chain, monkeypatch, form):
    """An export that lacks its end, and looks complete, would be a false proof."""
    client = world.client("admin")
    client.raise_request_exception = False
    whole = client.post(f"{address}export/", {"format": form, "action": "update"})
    assert int(whole.headers["Content-Length"]) == len(body_of(whole).encode())
    monkeypatch.setattr(audit_pages, "stream", lambda found: broken_off(stream(found)))
    answer = client.post(f"{address}export/", {"format": form, "action": "update"})
    assert answer.status_code == 500
    assert "Content-Disposition" not in answer.headers


def test_a_large_file_is_collected_on_the_disk():
    rows = [{"id": str(number), "reason": "x" * 1000} for number in range(3000)]
    with exporting.collected(rows, "jsonl") as handle:
        assert not isinstance(handle, io.BytesIO)
        assert handle.read() == b"".join(exporting.as_bytes(exporting.lines(rows, "jsonl")))


def test_a_job_that_breaks_off_leaves_no_file_and_the_next_try_a_whole_one(world, address, chain, monkeypatch):
    monkeypatch.setattr(exporting, "AT_ONCE", 5)
    world.client("admin").post(f"{address}export/", {"format": "jsonl", "action": "update"})
    (job,) = jobs().filter(user_id=world.admin.pk, task=exporting.TASK)
    job.modify(set__state="running")
    with monkeypatch.context() as crash:
        crash.setattr(exporting, "stream", lambda found: broken_off(stream(found)))
        with pytest.raises(RuntimeError):
            exporting.export(job)
    assert file_of(job) is None
    for _ in range(2):
        exporting.export(job)
        assert b"".join(read_file(file_of(job))).count(b"\n") == 10
    assert StoredFile.objects.for_user(world.admin.pk).filter(job_id=job.id).count() == 1


# -- what takes too long, and nonsense ---------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch, chain):
    """No read is fast enough."""
    monkeypatch.setattr(audit_pages, "READ_WITHIN", 1e-6)
    monkeypatch.setattr(exporting, "COUNTED_WITHIN", 1e-6)


def test_a_question_that_takes_too_long_is_given_up_in_words(world, address, slow):
    answer = world.client("admin").get(f"{address}?action=update")
    assert answer.status_code == 200
    assert "Choose a shorter time, or another filter." in text_of(answer)


def test_an_export_whose_length_is_hard_to_find_is_made_in_the_background(world, address, slow):
    assert world.client("admin").post(f"{address}export/", {"format": "csv"}).status_code == 303
    assert jobs().filter(user_id=world.admin.pk, task=exporting.TASK).count() == 1


@pytest.mark.parametrize(
    "start", ["0001-01-01", "9999-12-31", "2026-02-30", "1e9", "\0", "٢٠٢٦-٠١-٠١", "-1", "9" * 400]
)
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_any_date_is_answered(world, address, start, zone):
    world.admin.time_zone = zone
    world.admin.save()
    client = world.client("admin")
    for query in ({"start": start}, {"end": start}, {"start": start, "end": start}):
        assert client.get(address, query).status_code == 200
        assert client.post(f"{address}export/", {"format": "csv", **query}).status_code == 200


NONSENSE = [
    "\0",
    "\ud7ff\uffff",
    "$where",
    '{"$ne": null}',
    "a" * 10_000,
    "(a+)+$",
    "'; drop",
    "9" * 30,
    "../..",
    "%00",
]


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize(
    "name", ["person", "action", "resource", "event", "resource_id", "cursor", "organization", "format"]
)
def test_no_nonsense_breaks_a_page(world, address, name, value):
    query = {name: value}
    assert world.client("admin").get(address, query).status_code == 200
    assert world.client("admin").post(f"{address}export/", {"format": "csv", **query}).status_code == 200
    assert world.client("staff").get("/admin/audit/", {"organization": "everywhere", **query}).status_code in (200, 404)


def test_a_mistake_in_a_filter_is_told(world, address):
    answer = world.client("admin").get(f"{address}?start=nonsense", headers={"HX-Request": "true"})
    assert "A filter makes no sense" in text_of(answer)
