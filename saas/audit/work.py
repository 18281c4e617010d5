"""What the audit log does in the background."""

from typing import Any

from saas import hooks
from saas.audit.log import people
from saas.audit.pages import record_verdict
from saas.audit.verifying import verify_chain
from saas.events.actors import Actor
from saas.jobs import Job, PermanentFailure, report


def verify(job: Job) -> dict[str, Any]:
    """Verify the chain that somebody asked about.  Raises PermanentFailure when the person may not any more;
    Cancelled."""
    wanted = job.payload["organization"]
    org = hooks.organizations([wanted]).get(wanted) if wanted else None
    user = people().filter(pk=job.user_id, is_active=True).first()
    permission = ("auditLog.read", org) if job.organization_id else ("admin.monitor", None)
    if user is None or (wanted and org is None) or not hooks.can(user, permission[0], org=permission[1]):
        raise PermanentFailure("The person may not read this log any more.")
    verdict = verify_chain(org, tell=lambda done, total: report(job, done, total + 1, "Verifying entries"))
    actor = user if job.organization_id or org is None else Actor.support(user)
    record_verdict(verdict, org=org, actor=actor)
    if verdict.is_intact:
        return {"summary": f"{verdict.checked} entries: intact"}
    return {"summary": f"Entry {verdict.sequence} was {verdict.kind}. {verdict.words}"}
