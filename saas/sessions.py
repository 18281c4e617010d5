"""Sessions whose keys change while the browser asks for something else.

A session goes on under a new key when somebody signs in or changes a password or a factor. A request that was on its
way with the old key comes too late: it must not take the new cookie away, nor lead its page to the sign-in.
"""

from django.conf import settings
from django.contrib.sessions.backends import cached_db
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac

from saas.cache import dispensable

REMEMBERED = 120  # seconds: longer than any request is on its way, and than a stream waits before it looks again


class SessionStore(cached_db.SessionStore):
    """Django's, which remembers for a while that a key was replaced."""

    def cycle_key(self) -> None:
        if self.session_key:
            note_renewal(self.session_key)
        super().cycle_key()


def note_renewal(key: str) -> None:
    """Say that this session goes on, or will soon go on, under a new key.  Writes to the cache; does without one."""
    with dispensable("session_renewal_not_noted"):
        cache.set(renewal_of(key), 1, timeout=REMEMBERED)


def was_renewed(key: str) -> bool:
    """Whether this session has gone on under another key just now.  False while the cache is away."""
    with dispensable("session_renewal_not_known"):
        return cache.get(renewal_of(key)) is not None
    return False


def renewal_of(key: str) -> str:
    return f"renewed:{salted_hmac('saas.sessions', key).hexdigest()}"


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's, but a request that was overtaken by a new key leaves the cookie alone, and htmx shows nothing of it."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not was_overtaken(request):
            return super().process_response(request, response)
        patch_vary_headers(response, ("Cookie",))
        return HttpResponse(status=204) if "HX-Request" in request.headers else response


def was_overtaken(request: HttpRequest) -> bool:
    """Whether the session has gone on under a key that this request does not know.  A read only where it is empty."""
    key, session = request.COOKIES.get(settings.SESSION_COOKIE_NAME), getattr(request, "session", None)
    return key is not None and session is not None and session.is_empty() and was_renewed(key)
