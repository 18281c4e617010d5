"""The staff's pages of the spine: what is on its way, what is parked, what goes where, and one event."""

import json
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from platform_admin import xray
from saas import hooks
from saas.access import staff_only
from saas.audit.diffing import diff
from saas.audit.log import EVERYWHERE
from saas.audit.watching import note_look
from saas.errors import Problem
from saas.events import sinks
from saas.events.models import PARKED, Event, events, runs
from saas.htmx import page_or_part, redirect, toast
from saas.http import SignedInRequest, get_or_404

log = structlog.get_logger(__name__)

LIST_PAGE = "platform_admin/event_list.html"
PARKED_PAGE = "platform_admin/event_parked.html"
MATRIX_PAGE = "platform_admin/event_matrix.html"
DETAIL_PAGE = "platform_admin/event_detail.html"
SEES, ACTS = "admin.monitor", "admin.manage_jobs"


@staff_only(SEES)
@require_safe
def event_list(request: HttpRequest) -> HttpResponse:
    cursor, organization = request.GET.get("cursor", ""), request.GET.get("organization", "")[:24]
    page = xray.recent(cursor, organization)
    lags = xray.lags()
    whose = page.rows[0]["organization"] if organization and page.rows else None
    note_look(request, org=whose, filters={"events": organization or EVERYWHERE})
    context = {
        "events": page.rows,
        "lags": lags,
        "is_filtered": bool(organization),
        "is_first": not page.previous,
        "is_open": bool(lags) or any(row["is_open"] for row in page.rows),
        "is_parked": runs().filter(state=PARKED).first() is not None,
        **page.links(request),
    }
    return page_or_part(request, LIST_PAGE, context, partial="state")


@staff_only(SEES)
@require_safe
def event_parked(request: HttpRequest) -> HttpResponse:
    known = [sink.name for sink in sinks.every()]
    sink = request.GET.get("sink", "")
    page = xray.parked(request.GET.get("cursor", ""), sink if sink in known else "")
    context = {"parked": page.rows, "sinks": sinks.every(), "chosen": sink, **page.links(request)}
    return render(request, PARKED_PAGE, context)


@staff_only(SEES)
@require_safe
def event_matrix(request: HttpRequest) -> HttpResponse:
    return render(request, MATRIX_PAGE, {"columns": xray.columns(), "lines": xray.matrix()})


@staff_only(SEES)
@require_safe
def event_detail(request: HttpRequest, event_id: str) -> HttpResponse:
    """An event with all that it holds, so this is a look at the log of its organization, and stands there."""
    event = find_event(event_id)
    organization = hooks.organizations([event.organization_id]).get(event.organization_id or "")
    note_look(request, org=organization, filters={"entry": event.id})
    steps = xray.way_of(event)
    context = {
        "event": event,
        "steps": [{"step": step, "outcome": as_text(step.run.outcome) if step.run else ""} for step in steps],
        "is_open": event.sequence is None or any(step.is_open for step in steps),
        "changes": diff(event.before, event.after),
        "metadata": as_text(event.metadata),
        "organization": organization,
        "may_act": hooks.can(request.user, ACTS, org=None),
        "breadcrumbs": [
            {"label": "Events", "url": reverse("platform_admin:event_list")},
            {"label": event.event, "url": ""},
        ],
    }
    return page_or_part(request, DETAIL_PAGE, context, partial="way")


@staff_only(ACTS)
@require_POST
def event_replay(request: SignedInRequest, event_id: str, sink: str) -> HttpResponse:
    event, found = find_event(event_id), find_sink(sink)
    back = redirect(request, "platform_admin:event_detail", event.id)
    try:
        xray.replay(event=event, sink=found, actor=request.user, request=request)
    except Problem as problem:
        return toast(back, str(problem), request=request, level="error")
    except Exception as problem:  # noqa: BLE001 - whatever a sink raises is told to whoever has asked
        log.warning("replay_failed", sink=sink, event_id=event.id, error=str(problem))
        words = f"{found.label} has failed again: {type(problem).__name__}: {problem}"
        return toast(back, words[:300], request=request, level="error")
    return toast(back, f"{found.label} has done it again.", request=request)


@staff_only(ACTS)
@require_POST
def event_retry(request: SignedInRequest, event_id: str, sink: str) -> HttpResponse:
    event, found = find_event(event_id), find_sink(sink)
    back = redirect(request, "platform_admin:event_detail", event.id)
    try:
        xray.retry_now(event=event, sink=found, actor=request.user, request=request)
    except Problem as problem:
        return toast(back, str(problem), request=request, level="error")
    return toast(back, f"{found.label} tries again now.", request=request)


# -- the parts ---------------------------------------------------------------------------------------------------------


def find_event(event_id: str) -> Event:
    """Raises Http404."""
    event: Event = get_or_404(events(), pk=event_id)
    return event


def find_sink(name: str) -> sinks.Sink:
    """Raises Http404."""
    found = sinks.get(name)
    if found is None:
        raise Http404("There is no sink of this name.")
    return found


def as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) if value else ""
