"""Each request's id: in every line of the log, on every answer, and named on error pages."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

HEADER = "X-Request-ID"
META = "HTTP_X_REQUEST_ID"
SAFE = re.compile(r"[A-Za-z0-9_.-]{8,64}")


class RequestIdMiddleware:
    """Gives the request an id, or keeps a sound one that our proxy gave it, and puts it on the answer.

    Stands outermost, so that static files and probes carry one too.  The log takes it from the request's headers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META.get(META, "") if settings.TRUSTED_PROXIES else ""
        request_id = request.META[META] = given if SAFE.fullmatch(given) else str(uuid4())
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
