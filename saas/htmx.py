"""The answers that differ between a full page load and htmx.  Every view works for both."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget, trigger_client_event

#: Response headers by which htmx leaves the page; a toast then waits for the next one.
LEAVING = ("HX-Redirect", "HX-Location", "HX-Refresh")


class SeeOther(HttpResponse):
    """303: after a POST the browser gets the next page by GET."""

    status_code = 303

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = self["Location"] = url


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page.  A boosted link or a restored history entry wants the whole."""
    htmx = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted and not htmx.history_restore_request)


def form_again(
    request: HttpRequest, template: str, context: dict[str, Any], *, partial: str = "", target: str = ""
) -> HttpResponse:
    """Show a form with its mistakes and what was typed, as 422.

    `template` is the page, with the form's partial after `#` or as `partial`.  htmx gets the partial alone, swapped in
    place of `target` (a selector) or, without one, of what the form itself names; everybody else gets the page.
    """
    page, _, name = template.partition("#")
    name = partial or name
    if not (name and is_htmx(request)):
        return render(request, page, context, status=422)
    response = render(request, f"{page}#{name}", context, status=422)
    return reswap(retarget(response, target), "outerHTML") if target else response


def page_or_part(request: HttpRequest, template: str, context: dict[str, Any], *, partial: str) -> HttpResponse:
    """A page, or for htmx the partial of it that changes.  One address has two answers then, so caches are told."""
    response = render(request, f"{template}#{partial}" if is_htmx(request) else template, context)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted", "HX-History-Restore-Request"])
    return response


def redirect(request: HttpRequest, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Go on to a URL, a URL name with its arguments, or an object's page: 303, or HX-Redirect for htmx."""
    url = resolve_url(to, *args, **kwargs)
    return HttpResponseClientRedirect(url) if is_htmx(request) else SeeOther(url)


def toast(response: HttpResponse, text: str, *, request: HttpRequest, level: str = "success") -> HttpResponse:
    """Say something short to the person, beside the answer; answers the same response.

    `level` is info, success, warning or error.  With a part of a page it comes as the event `toast` ({text, level}),
    otherwise the next full page shows it.
    """
    if is_htmx(request) and not any(header in response for header in LEAVING):
        return trigger_client_event(response, "toast", {"text": text, "level": level})
    messages.add_message(request, getattr(messages, level.upper()), text)
    return response
