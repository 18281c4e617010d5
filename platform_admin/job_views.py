"""The staff's pages of background work and of mail addresses."""

import json
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from platform_admin import jobs as lines
from saas import hooks
from saas.access import staff_only
from saas.errors import Problem
from saas.htmx import form_again, page_or_part, redirect, toast
from saas.http import SignedInRequest, get_or_404
from saas.jobs import acting
from saas.jobs.models import FAILED, Job, jobs, schedules
from saas.mailing import addresses
from saas.mailing.models import switched_off
from saas.paging import page_of

JOBS_PAGE = "platform_admin/job_list.html"
LETTER_PAGE = "platform_admin/dead_letter.html"
MAIL_PAGE = "platform_admin/mail_list.html"
SEES, ACTS = "admin.monitor", "admin.manage_jobs"


class PayloadForm(forms.Form):
    """The open part of a job's payload, as JSON."""

    payload = forms.CharField(
        label="What the task is given (JSON)",
        widget=forms.Textarea(attrs={"rows": 12, "class": "payload", "spellcheck": "false"}),
    )

    def clean_payload(self) -> dict[str, Any]:
        try:
            value = json.loads(self.cleaned_data["payload"])
        except ValueError as problem:
            raise forms.ValidationError(f"This is not JSON: {problem}.") from None
        if not isinstance(value, dict):
            raise forms.ValidationError("This must be an object: { … }.")
        return value


@staff_only(SEES)
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    living = lines.living_workers()
    page = lines.dead_letters(request.GET.get("cursor", ""))
    context = {
        "queues": lines.queue_lines(living),
        "workers": living,
        "schedules": lines.schedule_lines(),
        "letters": page.rows,
        "may_act": hooks.can(request.user, ACTS, org=None),
        **page.links(request),
    }
    return page_or_part(request, JOBS_PAGE, context, partial="state")


@staff_only(SEES)
@require_http_methods(["GET", "HEAD"])
def dead_letter(request: SignedInRequest, job_id: str) -> HttpResponse:
    job = find_letter(job_id)
    form = PayloadForm(initial={"payload": as_text(acting.open_payload(job))})
    return render(request, LETTER_PAGE, letter_context(request, job, form))


@staff_only(ACTS)
@require_POST
def dead_letter_edit(request: SignedInRequest, job_id: str) -> HttpResponse:
    job = find_letter(job_id)
    form = PayloadForm(request.POST)
    if form.is_valid():
        try:
            acting.edit_job(job=job, actor=request.user, payload=form.cleaned_data["payload"], request=request)
        except Problem as problem:
            form.add_error(None, str(problem))
        else:
            response = redirect(request, "platform_admin:dead_letter", job.id)
            return toast(response, "The payload is saved. The job has not been started.", request=request)
    return form_again(request, LETTER_PAGE, letter_context(request, job, form), partial="form")


@staff_only(ACTS)
@require_POST
def dead_letter_retry(request: SignedInRequest, job_id: str) -> HttpResponse:
    acting.retry_job(job=find_letter(job_id), actor=request.user, request=request)
    return toast(redirect(request, "platform_admin:job_list"), "The job starts again.", request=request)


@staff_only(ACTS)
@require_POST
def dead_letter_discard(request: SignedInRequest, job_id: str) -> HttpResponse:
    acting.discard_job(job=find_letter(job_id), actor=request.user, request=request)
    return toast(redirect(request, "platform_admin:job_list"), "The job is discarded.", request=request)


@staff_only(ACTS)
@require_POST
def schedule_run(request: SignedInRequest, schedule_id: str) -> HttpResponse:
    schedule = get_or_404(schedules(), pk=schedule_id)
    response = redirect(request, "platform_admin:job_list")
    try:
        acting.start_schedule(schedule=schedule, actor=request.user, request=request)
    except acting.ScheduleGone as problem:
        return toast(response, str(problem), request=request, level="error")
    return toast(response, f"{schedule.name} starts now.", request=request)


@staff_only(SEES)
@require_safe
def mail_list(request: SignedInRequest) -> HttpResponse:
    page = page_of(switched_off(), order="-reported_at", cursor=request.GET.get("cursor", ""))
    context = {"addresses": page.rows, "may_act": hooks.can(request.user, ACTS, org=None), **page.links(request)}
    return render(request, MAIL_PAGE, context)


@staff_only(ACTS)
@require_POST
def mail_switch_on(request: SignedInRequest, address_id: str) -> HttpResponse:
    found = get_or_404(switched_off(), pk=address_id)
    addresses.switch_on(address=found.address, actor=request.user, request=request)
    return toast(redirect(request, "platform_admin:mail_list"), f"{found.address} gets mail again.", request=request)


# -- What the views share ----------------------------------------------------------------------------------------------


def find_letter(job_id: str) -> Job:
    """Raises Http404 for a job that has not failed."""
    job: Job = get_or_404(jobs().filter(state=FAILED), pk=job_id)
    return job


def letter_context(request: SignedInRequest, job: Job, form: PayloadForm) -> dict[str, Any]:
    return {
        "job": job,
        "form": form,
        "kept_back": [name for name in acting.secret_parts(job) if name in job.payload],
        "may_act": hooks.can(request.user, ACTS, org=None),
        "breadcrumbs": [
            {"label": "Background work", "url": reverse("platform_admin:job_list")},
            {"label": job.name, "url": ""},
        ],
    }


def as_text(payload: dict[str, Any]) -> str:
    return json.dumps(payload, indent=2, ensure_ascii=False, default=str)
