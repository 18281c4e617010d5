"""The person's own pages. Sign-in, sign-up and what belongs to them are allauth's, with our templates."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.forms import ProfileForm, ThemeForm
from accounts.middleware import THEME_COOKIE
from accounts.onboarding import (
    Flow,
    StepBusy,
    StepInvalid,
    StepNotReached,
    UnknownStep,
    kinds,
    save_draft,
    skip_onboarding_step,
    update_onboarding_step,
)
from accounts.onboarding.configuration import Step
from saas.access import public, signed_in
from saas.errors import Problem
from saas.htmx import form_again, is_htmx, redirect, toast
from saas.http import SignedInRequest, safe_next

PROFILE_PAGE = "accounts/profile.html"
ONBOARDING_PAGE = "accounts/onboarding.html"
YEAR = 365 * 24 * 60 * 60  # seconds


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, PROFILE_PAGE, {"form": ProfileForm(user=request.user)})
    form = ProfileForm(request.POST, user=request.user)
    if not form.is_valid():
        return form_again(request, PROFILE_PAGE, {"form": form}, partial="form")
    services.update_profile(user=request.user, values=form.cleaned_data, request=request)
    # The page itself may look different now: theme, language, name.
    return toast(redirect(request, "accounts:profile"), "Your profile is saved.", request=request)


@public
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Switch the theme: for the person when signed in, and for this browser."""
    form = ThemeForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest("This is not a theme.")
    if request.user.is_authenticated:
        services.update_profile(user=request.user, values=form.cleaned_data, request=request)
    response = redirect(request, safe_next(request, "/"))
    response.set_cookie(
        THEME_COOKIE, form.cleaned_data["theme"], max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
    )
    return response


# -- getting started ---------------------------------------------------------------------------------------------------


@signed_in
@require_safe
def onboarding(request: SignedInRequest) -> HttpResponse:
    """To the step where the person is; who has finished, to the product."""
    if request.user.onboarded_at:
        return redirect(request, way_out(request.user))
    return redirect(request, "accounts:onboarding_step", Flow(request.user).current.key)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def onboarding_step(request: SignedInRequest, step: str) -> HttpResponse:
    if request.user.onboarded_at:
        return redirect(request, way_out(request.user))
    try:
        if request.method != "POST":
            return show_step(request, step)
        update_onboarding_step(request.user, step, request.POST, request=request)
    except (UnknownStep, StepNotReached, StepBusy):
        return redirect(request, "accounts:onboarding")
    except StepInvalid as problem:
        return show_step(request, step, problem.form)
    except Problem as problem:
        return show_step(request, step, refused(request, step, problem))
    return go_on(request, step)


@signed_in
@require_POST
def onboarding_draft(request: SignedInRequest, step: str) -> HttpResponse:
    """Keep what was typed so far.  Nothing to show."""
    try:
        save_draft(request.user, step, request.POST)
    except (UnknownStep, StepNotReached) as problem:
        return HttpResponseBadRequest(str(problem))
    return HttpResponse(status=204)


@signed_in
@require_POST
def onboarding_skip(request: SignedInRequest, step: str) -> HttpResponse:
    try:
        skip_onboarding_step(request.user, step)
    except Problem as problem:
        return toast(redirect(request, "accounts:onboarding"), str(problem), level="error", request=request)
    return go_on(request, step)


def refused(request: SignedInRequest, step: str, problem: Problem) -> Any:
    """The step's form, as it was sent, with what stood in the way."""
    flow = Flow(request.user)
    form = flow.form(flow.step(step), request.POST)
    form.add_error(None, str(problem))
    return form


def show_step(request: SignedInRequest, key: str, form: Any = None) -> HttpResponse:
    """A step's page; for htmx the step alone.  A `form` has mistakes.  Raises UnknownStep, StepNotReached."""
    flow = Flow(request.user)
    step = flow.step(key)
    context = step_context(flow, step, form)
    if form is not None:
        return form_again(request, ONBOARDING_PAGE, context, partial="step")
    page = f"{ONBOARDING_PAGE}#step" if is_htmx(request) else ONBOARDING_PAGE
    return render(request, page, context)


def step_context(flow: Flow, step: Step, form: Any) -> dict[str, Any]:
    previous = flow.before(step)
    return {
        "step": step,
        "form": form if form is not None else flow.form(step),
        "body": step.kind.template,
        "progress": flow.progress(step),
        "number": flow.steps.index(step) + 1,
        "back": reverse("accounts:onboarding_step", args=[previous.key]) if previous else "",
        "may_skip": flow.may_skip(step),
        **step.kind.context(flow.user),
    }


def go_on(request: SignedInRequest, done: str) -> HttpResponse:
    """To the step after this one, in place for htmx; after the last, into the product."""
    if request.user.onboarded_at:
        return redirect(request, way_out(request.user))
    flow = Flow(request.user)
    following = next((flow.after(step) for step in flow.steps if step.key == done), None) or flow.current
    if not is_htmx(request):
        return redirect(request, "accounts:onboarding_step", following.key)
    response = show_step(request, following.key)
    response["HX-Push-Url"] = reverse("accounts:onboarding_step", args=[following.key])
    return response


def way_out(user: Any) -> str:
    return kinds.destination(user) or reverse(settings.LOGIN_REDIRECT_URL)
