"""Writing to the audit log by hand, and reading it.

    log_action("archive", "invoice", user=request.user, organization=org, resource_id=invoice.id, request=request)
    page = get_audit_logs(organization=org, action="delete", start_date=date(2026, 1, 1), limit=50)
    page = get_audit_logs(organization=org, cursor=page.next)

The product's own code calls `saas.events.record`, whose events are audit entries and more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pymongo
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from pymongo.errors import ExecutionTimeout, NetworkTimeout

from saas.audit.chain import READ
from saas.errors import Problem
from saas.events import recording
from saas.events.models import Event, events
from saas.paging import Page, page_of
from saas.tenancy import id_of

EVERYWHERE = "everywhere"  # in place of an organization: all of them, and the platform's own
MOST = 200  # entries of one page
ORDER = "-created_at"


def log_action(
    action: str,
    resource: str,
    *,
    user: Any = None,
    organization: Any = None,
    resource_id: str | None = None,
    target: Any = None,
    event: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    reason: str | None = None,
    request: HttpRequest | None = None,
) -> Any:
    """Write one entry of the audit log, in the caller's transaction, and nothing else; answers the event.

    `action` is one of config/events.yaml's or a verb of your own; `event` names it, without one it is
    "<resource>.<action>".  `user` may be an Actor (saas/events/actors.py); without an organization the entry is the
    platform's own.
    """
    return recording.write(
        event or f"{resource}.{action}",
        action=action,
        resource=resource,
        resource_id=resource_id,
        org=organization,
        actor=user,
        target=target,
        before=before,
        after=after,
        metadata=metadata,
        reason=reason,
        request=request,
    )


def get_audit_logs(
    *,
    organization: Any = None,
    action: str | None = None,
    event: str | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
    user: Any = None,
    resource: str | None = None,
    resource_id: str | None = None,
    limit: int = 50,
    cursor: str = "",
) -> Page[dict[str, Any]]:
    """One page of entries, newest first, as plain dictionaries with `id`; `page.next` is the cursor of the one after.

    `organization` is one, its id, None for the platform's own log, or EVERYWHERE.  `start_date` and `end_date` may be
    days (in UTC, both included) or aware moments (the end not included).  One read, by an index, in its order.
    """
    found = select(
        organization=organization,
        action=action,
        event=event,
        start_date=start_date,
        end_date=end_date,
        user=user,
        resource=resource,
        resource_id=resource_id,
    )
    return page_of(found, order=ORDER, cursor=cursor, size=max(1, min(limit, MOST)))


def select(
    *,
    organization: Any = None,
    start_date: date | None = None,
    end_date: date | None = None,
    user: Any = None,
    **fields: str | None,
) -> Any:
    """The entries that fit, as a scoped queryset."""
    conditions: dict[str, Any] = {name: value for name, value in fields.items() if value}
    if user:
        conditions["user_id"] = str(getattr(user, "pk", user))
    since = at(start_date) if start_date else None
    until = at(end_date, is_end=True) if end_date else None
    if since:
        conditions["created_at__gte"] = since
    if until:
        conditions["created_at__lt"] = until
    return scope(organization).filter(**conditions)


def scope(organization: Any) -> Any:
    if organization == EVERYWHERE:
        return events()
    if organization is None:
        return events().filter(organization_id=None)
    return Event.objects.for_org(id_of(organization))


class TooSlow(Problem):
    """Too many entries would have to be looked at for the few that fit."""


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Let MongoDB give up a read inside that takes longer.  Raises TooSlow."""
    try:
        with pymongo.timeout(seconds):
            yield
    except (ExecutionTimeout, NetworkTimeout) as problem:
        raise TooSlow("This takes too long. Choose a shorter time, or another filter.") from problem


def people() -> Any:
    """Everybody with an account."""
    model: Any = get_user_model()
    return model.objects


def at(day: date, *, is_end: bool = False) -> datetime:
    """A moment as it is, a day as its begin or, at the end, as the begin of the next one."""
    if isinstance(day, datetime):
        return day if day.tzinfo else day.replace(tzinfo=UTC)
    return datetime.combine(day_after(day) if is_end else day, time.min, UTC)


def day_after(day: date) -> date:
    """The last day that there is has none, and is answered itself."""
    return day + timedelta(days=1) if day < date.max else day


def stream(found: Any, *, batch: int = 500) -> Iterator[dict[str, Any]]:
    """All entries of a selection, newest first, read in batches: any number needs the same memory."""
    ordered = found.order_by(ORDER, "-id").only(*READ, "id")
    for row in ordered.no_cache().batch_size(batch).as_pymongo():
        yield {**{key: value for key, value in row.items() if key != "_id"}, "id": str(row["_id"])}
