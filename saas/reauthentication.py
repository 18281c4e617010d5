"""What could do harm is asked for twice: the person signs in again first, as on allauth's own pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url

from saas.htmx import redirect

View = Callable[..., HttpResponseBase]


def confirmed_person(view: View) -> View:
    """Let nobody near this page, nor what it sends, who has not confirmed within the last minutes to be who it is.

    The page must answer a GET: after confirming one comes to it, and sends it again.  allauth's own decorator would
    repeat the POST by calling the view directly, past the middleware that asks for membership and role.
    """

    @wraps(view)
    def asking_first(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if is_reauthentication_required(request, app="accounts"):
            methods = get_adapter().get_reauthentication_methods(request.user)
            url = methods[0]["url"] if methods else resolve_url(settings.LOGIN_URL)
            return redirect(request, f"{url}?{urlencode({REDIRECT_FIELD_NAME: request.path})}")
        return view(request, *args, **kwargs)

    return asking_first
