"""What a person sees when something cannot be done: the page says what, why, and the way out, and names the request.

`Problem` is the base of every exception that is meant for the customer.  Everything else is a bug and becomes the
500 page, except that an unreachable part of the system becomes the 503 page, which names the part.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import kombu.exceptions
import pymongo.errors
import redis.exceptions
import structlog
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django_htmx.http import reswap, trigger_client_event

from saas import hooks
from saas.access import Refused
from saas.audit.watching import note_refusal
from saas.context import page as page_context
from saas.htmx import is_htmx

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5
#: An exception of the left, anywhere in the chain of causes, means that the part on the right is away.
OUTAGES: tuple[tuple[type[Exception], str], ...] = (
    (pymongo.errors.ConnectionFailure, "the database"),
    (kombu.exceptions.OperationalError, "the queue of background work"),
    (redis.exceptions.ConnectionError, "the cache"),
    (redis.exceptions.TimeoutError, "the cache"),
)
WORDS = {
    400: ("That request makes no sense", "Something in the address or the form was not as expected."),
    403: ("You may not do that", "Your role does not include it. Ask an owner or admin of your organization."),
    404: ("There is nothing here", "The address may be mistyped, or the page may be gone or not yours to see."),
    500: ("Something broke on our side", "It has been written down. Trying again may work."),
    503: ("A part of the system is away", "Nothing that was confirmed is lost. Please try again in a moment."),
}


class Problem(Exception):
    """Something that the customer asked for cannot be done.

    The text is shown as it is: what is the matter, and the way out.  Named subclasses live beside what raises them.
    A view shows it on its form; one that no view catches becomes an error page with `status`.
    """

    status = 400


# -- handlers of the URLconf -----------------------------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 with the exception's words, and its `title` where it has one; for a role that lacks it, the reasons too."""
    if isinstance(exception, Refused):
        return refused(request, exception)
    title = getattr(exception, "title", WORDS[403][0])
    return error_page(request, 403, title=title, words=_plain_text(exception))


def refused(request: HttpRequest, exception: Refused) -> HttpResponse:
    """403 that says why, and who can change it.  The log keeps it."""
    note_refusal(request, exception.permission, org=exception.org)
    why = hooks.explain(request.user, exception.permission, org=exception.org, obj=exception.obj)
    return error_page(request, 403, title="Your role does not include this", words=why.summary, explanation=why)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, with the words of an exception that has a `title`: it is meant for this person.  Django's own are not."""
    title = getattr(exception, "title", "")
    return error_page(request, 404, title=title, words=_plain_text(exception)) if title else error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return error_page(request, 500)


def service_unavailable(request: HttpRequest, part: str) -> HttpResponse:
    """503, naming the part that is away."""
    response = error_page(request, 503, words=f"We cannot reach {part} right now. {WORDS[503][1]}", part=part)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF check says no; mostly a page that was open for too long."""
    log.warning("csrf_refused", reason=reason)
    return error_page(request, 403, words="This page was open for too long. Go back, reload it, and send it again.")


def _plain_text(exception: Exception) -> str:
    return str(exception.args[0]) if exception.args and isinstance(exception.args[0], str) else ""


# -- middleware --------------------------------------------------------------------------------------------------------


class ServiceUnavailableMiddleware:
    """Turns an outage anywhere below it into the 503 page and an uncaught Problem into its page.

    Stands right inside django_structlog's RequestMiddleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        # Each layer turns an exception into a response before this one could catch it, so we listen.
        got_request_exception.connect(_note_outage, dispatch_uid="saas.errors.note_outage")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        part = vars(request).get("missing_part")
        if part:
            response = service_unavailable(request, part)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Problem):
            return error_page(request, exception.status, title="That did not work", words=str(exception))
        return None


def _note_outage(request: HttpRequest | None = None, **_kwargs: Any) -> None:
    part = missing_part(sys.exc_info()[1])
    if part and request is not None:
        vars(request)["missing_part"] = part


def missing_part(error: BaseException | None) -> str:
    """The part of the system whose absence caused this error; "" for any other error."""
    for each in _chain(error):
        for kind, part in OUTAGES:
            if isinstance(each, kind):
                return part
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


# -- the page ------------------------------------------------------------------------------------------


def request_id() -> str:
    """The id of the request that is being answered, as it stands in every line of the log."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def error_page(request: HttpRequest, status: int, *, words: str = "", **more: Any) -> HttpResponse:
    """The page `<status>.html` with `title`, `words`, `status`, `request_id`; htmx gets the words as a toast instead.

    From 500 on nothing of it touches the database.  A page that cannot be rendered becomes plain text.
    """
    title, usual = WORDS.get(status, WORDS[400])
    context = {"title": title, "status": status, "request_id": request_id(), **more, "words": words or usual}
    if is_htmx(request):
        response = HttpResponse(status=status)
        return reswap(trigger_client_event(response, "toast", {"text": context["words"], "level": "error"}), "none")
    template = [f"{status}.html", "400.html" if status < 500 else "500.html"]
    if status < 500:
        return render(request, template, context, status=status)
    try:
        text: str = render_to_string(template, {**page_context(request), **context})
    except Exception:
        log.exception("error_page_failed", status=status)
        text = f"{title}. {context['words']} ({status}, request {context['request_id']})"
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    return HttpResponse(text, status=status)
