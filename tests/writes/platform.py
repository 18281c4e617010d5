"""The writes of the platform's staff, of the audit log, and the tools of development."""

from datetime import timedelta

from saas.events.dispatching import dispatch
from saas.events.models import streams
from saas.jobs.models import Schedule, schedules
from saas.mailing.models import SwitchedOffAddress, switched_off
from saas.tenancy import now
from tests.writes.recipes import Recorded, Visit, quiet, write

# -- Events ------------------------------------------------------------------------------------------------------------


@write("platform_admin:event_replay")
def event_replay(world):
    event = world.event
    dispatch(world.org.pk)
    return Visit(recorded=[Recorded("sink.replayed", event)], by="staff", arguments={"event_id": event.id})


@write("platform_admin:event_retry")
def event_retry(world):
    event = world.event
    dispatch(world.org.pk)
    trouble = {
        "sequence": 1,
        "event_id": event.id,
        "attempts": 1,
        "error": "away",
        "due_at": now() + timedelta(hours=1),
    }
    streams().filter(key=world.org.pk).update(set__troubles__search=trouble)
    arguments = {"event_id": event.id, "sink": "search"}
    return Visit(recorded=[Recorded("sink.retried", event)], by="staff", arguments=arguments)


# -- Jobs --------------------------------------------------------------------------------------------------------------


@write("platform_admin:dead_letter_edit")
def dead_letter_edit(world):
    edited = Recorded("job.edited", world.job, after="note")
    return Visit({"payload": '{"note": "by hand"}'}, [edited], by="staff", wrong={"payload": "no json"})


@write("platform_admin:dead_letter_retry")
def dead_letter_retry(world):
    return Visit(recorded=[Recorded("job.retried", world.job, changed="state")], by="staff")


@write("platform_admin:dead_letter_discard")
def dead_letter_discard(world):
    return Visit(recorded=[Recorded("job.discarded", world.job, changed="state")], by="staff")


@write("platform_admin:schedule_run")
def schedule_run(world):
    values = {"task": "saas.tasks.sweep_jobs", "queue": "default", "words": "every 10 seconds"}
    schedule: Schedule = schedules().create(name="sweep_jobs", next_run_at=now(), **values)
    started = Recorded("schedule.started", schedule)
    return Visit(recorded=[started], by="staff", arguments={"schedule_id": schedule.id})


@write("platform_admin:mail_switch_on")
def mail_switch_on(world):
    found = switched_off_address(world)
    allowed = Recorded("mail_address.switched_on", found, before="reason reported_at")
    return Visit(recorded=[allowed], by="staff", arguments={"address_id": found.id})


def switched_off_address(world) -> SwitchedOffAddress:
    return switched_off().create(address=world.member.email, reason="bounced", reported_at=now())


# -- The audit log -----------------------------------------------------------------------------------------------------


@write("audit:entry_verify")
def entry_verify(world):
    return Visit(recorded=[Recorded("audit.verified", world.org)])


@write("audit:entry_export")
def entry_export(world):
    return Visit({"format": "csv"}, [Recorded("audit.exported", world.org)])


@write("staff_audit:entry_verify", "the platform's own")
def staff_entry_verify(world):
    return Visit(recorded=[Recorded("audit.verified")], by="staff")


@write("staff_audit:entry_verify", "an organization's")
def staff_entry_verify_of_an_organization(world):
    verified = Recorded("audit.verified", world.org, actor=world.staff, actor_type="support", org=world.org)
    return Visit(recorded=[verified], by="staff", query=f"?organization={world.org.pk}")


@write("staff_audit:entry_export", "the platform's own")
def staff_entry_export(world):
    return Visit({"format": "jsonl"}, [Recorded("audit.exported")], by="staff")


@write("staff_audit:entry_export", "an organization's")
def staff_entry_export_of_an_organization(world):
    exported = Recorded("audit.exported", world.org, actor=world.staff, actor_type="support", org=world.org)
    return Visit({"format": "csv"}, [exported], by="staff", query=f"?organization={world.org.pk}")


# -- Of development only -----------------------------------------------------------------------------------------------

TOOL = "a tool of development, which has no log"


@quiet("sandbox:hook_answer", TOOL)
def hook_answer(world, sandbox):
    return Visit({"answer": "error"}, by="nobody", wrong={"answer": "sing"})


@quiet("sandbox:hook_detail", "it refuses every method but a GET, in words of its own")
def hook_detail(world, sandbox):
    return Visit(by="nobody", method="get")


@quiet("sandbox:hook_remove", TOOL)
def hook_remove(world, sandbox):
    return Visit(by="nobody")


@quiet("sandbox:hook_secret", TOOL)
def hook_secret(world, sandbox):
    return Visit({"secret": ""}, by="nobody", wrong={"secret": "no secret"})


@quiet("sandbox:mail_clear", TOOL)
def mail_clear(world, sandbox):
    return Visit(by="nobody")
