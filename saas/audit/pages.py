"""What the organization's pages of the log and the staff's share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.http import FileResponse, HttpResponse
from django.shortcuts import render

from saas import events, hooks
from saas.audit import exporting
from saas.audit.filters import FilterForm
from saas.audit.log import EVERYWHERE, ORDER, TooSlow, in_time, scope, stream
from saas.audit.showing import detail, shown
from saas.audit.verifying import Verdict, verify_chain
from saas.audit.watching import note_look, reader
from saas.db import atomic
from saas.events import catalogue
from saas.events.dispatching import PLATFORM
from saas.events.models import streams
from saas.htmx import is_htmx, page_or_part, redirect, toast
from saas.http import SignedInRequest, get_or_404
from saas.jobs import queue_processing
from saas.paging import Page, page_of, plain

LIST_PAGE = "audit/entry_list.html"
DETAIL_PAGE = "audit/entry_detail.html"
VERIFY_TASK = "saas.tasks.verify_audit_log"
READ_WITHIN = 5.0  # seconds, for a page of the list
VERIFIED_AT_ONCE = 10_000  # entries; a longer chain is verified in the background


@dataclass(frozen=True, slots=True)
class Log:
    """Whose log a page shows: an organization's, the platform's own (None), or EVERYWHERE.

    `address`: (view's name, arguments) -> where it is.
    """

    org: Any
    title: str
    address: Callable[..., str]
    may_export: bool
    crumbs: list[dict[str, str]] = field(default_factory=list)
    is_staff: bool = False
    which: str = ""

    @property
    def owner(self) -> Any:
        """The organization, or None."""
        return None if self.org == EVERYWHERE else self.org


def list_page(request: SignedInRequest, log: Log) -> HttpResponse:
    """The entries that fit the filters.  One read; two more where a person is searched for."""
    form = FilterForm(request.GET, org=log.owner)
    filters = form.filters()
    page, problem = read(filters.select(log.org), cursor=request.GET.get("cursor", ""))
    owners = owners_of(page.rows) if log.org == EVERYWHERE else {}
    entries = [
        {**shown(row, log.owner), "url": log.address("entry_detail", row["id"]), "owner": owner_of(row, owners)}
        for row in page.rows
    ]
    note_look(request, org=log.owner, filters=exporting.asked_for(log.org, filters))
    context = {
        "log": log,
        "entries": entries,
        "form": form,
        "is_filtered": form.is_filtered,
        "problem": problem,
        "known_events": sorted(catalogue.load().events),
        "list_url": log.address("entry_list"),
        "export_url": log.address("entry_export"),
        "verify_url": log.address("entry_verify"),
        "query": request.GET.urlencode(),
        "breadcrumbs": log.crumbs,
        **page.links(request),
    }
    return page_or_part(request, LIST_PAGE, context, partial="list")


def read(found: Any, *, cursor: str) -> tuple[Page[dict[str, Any]], str]:
    """One page, and what the matter is where there is none.

    Every filter has an index of its own; two of them that rarely meet may take their time.
    """
    try:
        with in_time(READ_WITHIN):
            return page_of(found, order=ORDER, cursor=cursor), ""
    except TooSlow as problem:
        return Page([]), str(problem)


def owners_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return hooks.organizations({row["organization_id"] for row in rows if row.get("organization_id")})


def owner_of(row: dict[str, Any], known: dict[str, Any]) -> dict[str, str] | None:
    org = known.get(row.get("organization_id") or "")
    return {"name": org.name, "slug": org.slug} if org else None


def detail_page(request: SignedInRequest, log: Log, entry_id: str) -> HttpResponse:
    """One entry.  Raises Http404 for one of another log."""
    found = get_or_404(scope(log.org).as_pymongo(), pk=entry_id)
    row = plain(found)
    owner = log.owner
    if log.is_staff:
        owner = hooks.organizations([row.get("organization_id")]).get(row.get("organization_id") or "")
    note_look(request, org=owner, filters={"entry": entry_id})
    context = {
        "log": log,
        "entry": detail(row, owner),
        "owner": owner,
        "verify_url": log.address("entry_verify"),
        "list_url": log.address("entry_list"),
        "breadcrumbs": [*log.crumbs, {"label": "Entry"}],
    }
    return render(request, DETAIL_PAGE, context)


# -- verifying ---------------------------------------------------------------------------------------------------------


def verify_answer(request: SignedInRequest, log: Log) -> HttpResponse:
    """Verify the chain and show what was found; a long one is verified in the background."""
    owner = log.owner
    chain = streams().filter(key=owner.pk if owner is not None else PLATFORM).first()
    if chain and chain.sequence - (chain.anchor or {}).get("sequence", 0) > VERIFIED_AT_ONCE:
        start_verifying(request, log)
        return toast(
            redirect(request, "jobs:job_list"), "This log is long: it is verified in the background.", request=request
        )
    verdict = verify_chain(owner)
    record_verdict(verdict, org=owner, actor=reader(request, owner), request=request)
    context = {"verdict": verdict, "log": log, "list_url": log.address("entry_list"), "breadcrumbs": log.crumbs}
    if is_htmx(request):
        return render(request, "audit/verdict.html#verdict", context)
    return render(request, "audit/verdict.html", context)


def record_verdict(verdict: Verdict, *, org: Any, actor: Any, request: Any = None) -> None:
    metadata = {
        "checked": verdict.checked,
        "result": verdict.kind or "intact",
        "sequence": verdict.sequence or verdict.head[0],
        "entry": verdict.event_id,
    }
    events.record("audit.verified", org=org, actor=actor, target=org, request=request, metadata=metadata)


@atomic
def start_verifying(request: SignedInRequest, log: Log) -> None:
    payload = {"organization": log.owner.pk if log.owner is not None else None}
    org = log.owner if getattr(request, "org", None) is not None else None
    queue_processing(user=request.user, org=org, task=VERIFY_TASK, payload=payload)


# -- exporting ---------------------------------------------------------------------------------------------------------


def export_answer(request: SignedInRequest, log: Log) -> HttpResponse | FileResponse:
    """The file, or for a large one a job that makes it.  The form's fields are the list's filters."""
    form = FilterForm(request.POST, org=log.owner)
    filters = form.filters()
    kind = request.POST.get("format", "")
    kind = kind if kind in exporting.CONTENT_TYPES else exporting.CSV
    found = filters.select(log.org)
    if exporting.is_large(found):
        atomic(exporting.request_export)(user=request.user, org=log.org, filters=filters, form=kind, request=request)
        words = "There are many entries: your file is being made, and will be here."
        return toast(redirect(request, "jobs:job_list"), words, request=request)
    exporting.record_export(request, org=log.org, filters=filters, form=kind, in_background=False)
    name = getattr(log.org, "slug", "all" if log.org == EVERYWHERE else "platform")
    response = FileResponse(
        exporting.collected(stream(found), kind),
        as_attachment=True,
        filename=exporting.file_name(name, kind),
        content_type=exporting.CONTENT_TYPES[kind],
    )
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
