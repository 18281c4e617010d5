"""The pages of endpoints and their deliveries, for an organization and for the platform (`places.py`).

Each is handed the request and the place, finds what belongs there, asks one service, and answers a page or a part.
What is limited or asks who somebody is does so after it has found: a stranger's request leaves no trace.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from saas import outbound
from saas.errors import Problem
from saas.htmx import SeeOther, form_again, is_htmx, page_or_part, redirect, toast
from saas.ratelimit import with_rate_limit
from saas.reauthentication import confirmed_person
from saas.webhooks import endpoints, forms, pages
from saas.webhooks.models import ENDPOINT_LIMIT, Webhook, WebhookDelivery
from saas.webhooks.places import Place

LIST_PAGE = "webhooks/webhook_list.html"
FORM_PAGE = "webhooks/webhook_form.html"
DETAIL_PAGE = "webhooks/webhook_detail.html"
SECRET_PAGE = "webhooks/webhook_secret.html"  # noqa: S105 - a page
ROTATE_PAGE = "webhooks/webhook_rotate.html"
DELETE_PAGE = "webhooks/webhook_delete.html"
RESULT_PART = "webhooks/test_result.html"
DELIVERY_PAGE = "webhooks/delivery_detail.html"
#: What is sent on demand reaches somebody else's server.
TESTS, REPLAYS = "20/minute", "30/minute"

show_and_send = require_http_methods(["GET", "HEAD", "POST"])


def caller(request: HttpRequest) -> str:
    """Who is counted: the organization, else the platform's staff together."""
    org = getattr(request, "org", None)
    return str(org.pk) if org is not None else "platform"


# -- Endpoints ---------------------------------------------------------------------------------------------------------


@require_safe
def webhook_list(request: HttpRequest, place: Place) -> HttpResponse:
    rows = pages.endpoint_rows(place)
    context = {
        "rows": rows,
        "limit": ENDPOINT_LIMIT,
        "is_full": len(rows) >= ENDPOINT_LIMIT,
    }
    return render(request, LIST_PAGE, pages.context(place, **context))


@show_and_send
def webhook_create(request: HttpRequest, place: Place) -> HttpResponse:
    form = forms.EndpointForm(posted(request), known=pages.known_events(place))
    if form.is_valid():
        try:
            webhook, secret = endpoints.create_endpoint(
                org=place.org, actor=request.user, request=request, **form.cleaned_data
            )
            pages.put_secret(request, webhook, secret)
            return redirect(request, place.url("webhook_secret", webhook.id))
        except Problem as problem:
            blame(form, problem)
    context = pages.context(place, "New endpoint", form=form, samples=pages.samples(place))
    return form_page(request, FORM_PAGE, context)


@require_safe
def webhook_detail(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    """The endpoint with its log; for htmx the log alone."""
    webhook = place.find(webhook_id)
    context = pages.log(request, place, webhook)
    if not is_htmx(request):
        context |= pages.about(place, webhook)
    return page_or_part(request, DETAIL_PAGE, pages.context(place, webhook.name, **context), partial="log")


@show_and_send
def webhook_edit(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    webhook = place.find(webhook_id)
    form = forms.EndpointForm(
        posted(request), initial=forms.EndpointForm.initial_of(webhook), known=pages.known_events(place)
    )
    if form.is_valid():
        try:
            endpoints.update_endpoint(webhook=webhook, actor=request.user, request=request, **form.cleaned_data)
            return back(request, place, webhook, "Your changes are saved.")
        except Problem as problem:
            blame(form, problem)
    return form_page(request, FORM_PAGE, pages.context(place, "Edit", webhook, form=form))


@never_cache
@show_and_send
def webhook_secret(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    """A new secret, until the person says that it is stored; a quarter of an hour at most."""
    webhook = place.find(webhook_id)
    if request.method == "POST":
        pages.forget_secret(request, webhook)
        return redirect(request, place.url("webhook_detail", webhook.id))
    context = {"secret": pages.secret_of(request, webhook), "is_rotating": pages.is_rotating(webhook)}
    return render(request, SECRET_PAGE, pages.context(place, "Signing secret", webhook, **context))


@show_and_send
def webhook_rotate(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponseBase:
    return rotate(request, place, place.find(webhook_id))


@confirmed_person
def rotate(request: HttpRequest, place: Place, webhook: Webhook) -> HttpResponse:
    if request.method != "POST":
        context = {"hours": pages.OVERLAP_HOURS, "is_rotating": pages.is_rotating(webhook)}
        return render(request, ROTATE_PAGE, pages.context(place, "Replace the secret", webhook, **context))
    secret = endpoints.rotate_secret(webhook=webhook, actor=request.user, request=request)
    pages.put_secret(request, webhook, secret)
    return redirect(request, place.url("webhook_secret", webhook.id))


@require_POST
def webhook_pause(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    webhook = place.find(webhook_id)
    endpoints.pause_endpoint(webhook=webhook, actor=request.user, request=request)
    return back(request, place, webhook, "It is paused. What waits is held until you resume it.")


@require_POST
def webhook_resume(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    webhook = place.find(webhook_id)
    endpoints.resume_endpoint(webhook=webhook, actor=request.user, request=request)
    return back(request, place, webhook, "It is on again. What was held is sent now.")


@show_and_send
def webhook_delete(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    webhook = place.find(webhook_id)
    if request.method != "POST":
        return render(request, DELETE_PAGE, pages.context(place, "Delete", webhook))
    endpoints.delete_endpoint(webhook=webhook, actor=request.user, request=request)
    return toast(redirect(request, place.url("webhook_list")), f"“{webhook.name}” is deleted.", request=request)


# -- Deliveries --------------------------------------------------------------------------------------------------------


@require_POST
def webhook_test(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    """Send a sample; a worker does, for the answer may take its time.  The result appears in place."""
    return test(request, place, place.find(webhook_id))


@with_rate_limit(TESTS, by=caller, name="webhook_tests")
def test(request: HttpRequest, place: Place, webhook: Webhook) -> HttpResponse:
    form = forms.TestForm(request.POST, known=pages.known_events(place))
    if not form.is_valid():
        context = {**pages.log(request, place, webhook), **pages.about(place, webhook), "test_form": form}
        context = pages.context(place, webhook.name, **context)
        return form_again(request, DETAIL_PAGE, context, partial="test", target="#test")
    delivery = endpoints.start_test(webhook=webhook, actor=request.user, request=request, **form.cleaned_data)
    if not is_htmx(request):
        return SeeOther(place.url("delivery_detail", webhook.id, delivery.id))
    return render(request, RESULT_PART, pages.context(place, **pages.one(place, webhook, delivery)))


@require_POST
def webhook_replay(request: HttpRequest, place: Place, webhook_id: str) -> HttpResponse:
    """Replay all that has failed since a time."""
    return replay_failed(request, place, place.find(webhook_id))


@with_rate_limit(REPLAYS, by=caller, name="webhook_replays")
def replay_failed(request: HttpRequest, place: Place, webhook: Webhook) -> HttpResponse:
    form = forms.ReplayForm(request.POST)
    if form.is_valid():
        try:
            count = endpoints.replay_failed_deliveries(
                webhook=webhook, actor=request.user, request=request, **form.cleaned_data
            )
            words = f"{count} on their way again." if count else "Nothing has failed since then."
            return back(request, place, webhook, words, level="success" if count else "info")
        except Problem as problem:
            form.add_error(None, str(problem))
    context = {**pages.log(request, place, webhook), **pages.about(place, webhook), "replay_form": form}
    context = pages.context(place, webhook.name, **context)
    return form_again(request, DETAIL_PAGE, context, partial="replay", target="#replay")


@require_safe
def delivery_detail(request: HttpRequest, place: Place, webhook_id: str, delivery_id: str) -> HttpResponse:
    """One delivery with its attempts; for htmx the part that changes, or with `?part=result` the outcome alone."""
    webhook = place.find(webhook_id)
    delivery = place.find_delivery(webhook, delivery_id)
    context = pages.context(place, delivery.event, webhook, **pages.one(place, webhook, delivery))
    if is_htmx(request) and request.GET.get("part") == "result":
        return render(request, RESULT_PART, context)
    return page_or_part(request, DELIVERY_PAGE, context, partial="delivery")


@require_POST
def delivery_replay(request: HttpRequest, place: Place, webhook_id: str, delivery_id: str) -> HttpResponse:
    webhook = place.find(webhook_id)
    return replay(request, place, webhook, place.find_delivery(webhook, delivery_id))


@with_rate_limit(REPLAYS, by=caller, name="webhook_replays")
def replay(request: HttpRequest, place: Place, webhook: Webhook, delivery: WebhookDelivery) -> HttpResponse:
    try:
        endpoints.replay_delivery(delivery=delivery, actor=request.user, request=request)
    except (endpoints.EndpointIsOff, endpoints.NoReplayOfTest) as problem:
        answer = redirect(request, place.url("delivery_detail", webhook.id, delivery.id))
        return toast(answer, str(problem), request=request, level="error")
    answer = redirect(request, place.url("delivery_detail", webhook.id, delivery.id))
    return toast(answer, "It is on its way again, under the same id.", request=request)


# -- What the views share ----------------------------------------------------------------------------------------------


def posted(request: HttpRequest) -> Any:
    """What was sent, or None when a form is opened."""
    return request.POST if request.method == "POST" else None


def form_page(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """The page of a form: as it is opened, or again with its mistakes."""
    if context["form"].errors:
        return form_again(request, page, context, partial="form")
    return render(request, page, context)


def blame(form: forms.EndpointForm, problem: Problem) -> None:
    """Write the problem at the field that it is about."""
    fields = {outbound.AddressRefused: "url", endpoints.UnknownEventName: "events"}
    form.add_error(fields.get(type(problem)), str(problem))


def back(request: HttpRequest, place: Place, webhook: Webhook, words: str, *, level: str = "success") -> HttpResponse:
    return toast(redirect(request, place.url("webhook_detail", webhook.id)), words, request=request, level=level)
