"""The pages of background jobs: one's own, and those of an organization."""

from typing import Any

from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST, require_safe

from saas import events, hooks
from saas.access import org_view, signed_in
from saas.htmx import is_htmx, page_or_part, redirect, toast
from saas.http import OrgRequest, SignedInRequest, get_or_404
from saas.jobs import acting, files
from saas.jobs.models import Job
from saas.jobs.pages import mine, organizations, shown
from saas.paging import page_of

LIST_PAGE = "jobs/job_list.html"
#: Who sees what colleagues have started in the organization; everybody sees what is his own.
SEES_ALL = "organization.update"


class Expired(Http404):
    """The file was there once."""

    title = "This download has expired"

    def __init__(self) -> None:
        super().__init__("Files that were made for you are kept for a limited time. Start it again to get a new one.")


@signed_in
@require_safe
def job_list(request: SignedInRequest) -> HttpResponse:
    page = page_of(mine(request.user), cursor=request.GET.get("cursor", ""))
    context = {"jobs": shown(page.rows, request.user), **page.links(request)}
    return page_or_part(request, LIST_PAGE, context, partial="list")


@signed_in
@require_safe
def job_detail(request: SignedInRequest, job_id: str) -> HttpResponse:
    """One job as it is now: for htmx its row, which asks again while it is running."""
    return show_job(request, find_mine(request, job_id))


@signed_in
@require_POST
def job_cancel(request: SignedInRequest, job_id: str) -> HttpResponse:
    job = find_mine(request, job_id)
    try:
        job = acting.cancel_job(job=job, actor=request.user, request=request)
    except acting.JobIsOver as problem:
        job = find_mine(request, job_id)
        return toast(answer(request, job), str(problem), request=request, level="info")
    words = "It will end in a moment." if job.is_cancel_requested else "It is cancelled."
    return toast(answer(request, job), words, request=request)


@signed_in
@require_safe
def job_file(request: SignedInRequest, job_id: str) -> StreamingHttpResponse:
    """The file that the job made.  Raises Http404 for a job without one, Expired for one that had one."""
    job = find_mine(request, job_id)
    file = files.file_of(job)
    if file is None:
        if job.result.get("file"):
            raise Expired
        raise Http404("This job has made no file.")
    events.record("file.downloaded", org=job.organization_id, actor=request.user, target=file, request=request)
    response = StreamingHttpResponse(files.read_file(file), content_type=file.content_type)
    response["Content-Length"] = str(file.size)
    response["Content-Disposition"] = content_disposition_header(True, file.name) or "attachment"
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@org_view("organization.read")
@require_safe
def org_job_list(request: OrgRequest) -> HttpResponse:
    sees_all = hooks.can(request.user, SEES_ALL, org=request.org)
    found = organizations(request.org, user=None if sees_all else request.user)
    page = page_of(found, cursor=request.GET.get("cursor", ""))
    context = {
        "jobs": shown(page.rows, request.user),
        "sees_all": sees_all,
        "breadcrumbs": [
            {"label": request.org.name, "url": reverse("organizations:dashboard", args=[request.org.slug])},
            {"label": "Background jobs"},
        ],
        **page.links(request),
    }
    return page_or_part(request, LIST_PAGE, context, partial="list")


# -- What the views share ----------------------------------------------------------------------------------------------


def find_mine(request: SignedInRequest, job_id: str) -> Job:
    """Raises Http404 for what somebody else has started, and for the platform's own errands."""
    job: Job = get_or_404(mine(request.user), pk=job_id)
    return job


def show_job(request: SignedInRequest, job: Job) -> HttpResponse:
    (row,) = shown([as_row(job)], request.user)
    if is_htmx(request):
        return render(request, f"{LIST_PAGE}#job", {"job": row})
    return render(request, LIST_PAGE, {"jobs": [row], "is_single": True})


def answer(request: SignedInRequest, job: Job) -> HttpResponse:
    return show_job(request, job) if is_htmx(request) else redirect(request, "jobs:job_list")


def as_row(job: Job) -> dict[str, Any]:
    return {**{name: getattr(job, name) for name in job._fields}, "id": job.id}
