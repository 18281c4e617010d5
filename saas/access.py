"""Who may open which page: every view carries exactly one mark, and a view without a mark is refused.

    @public                          anybody
    @signed_in                       anybody with an active account
    @org_view("project.update")      members of the organization in the URL whose role has the permission
    @staff_only("admin.monitor")     people with a platform role that has the permission

The mark is a note on the view; `AccessMiddleware` acts on it before the view runs, so the order of decorators does not
matter, and `org_view("…")(SomeView.as_view())` works too. Views of libraries get their mark in LIBRARY_MARKS.

| mark      | nobody  | the wrong person                    | the wrong role |
| signed_in | sign-in |                                     |                |
| org_view  | sign-in | 404, as for an unknown organization | 403            |
| staff_only| sign-in | 404                                 | 404            |

An org_view stands under `/o/<slug:org_slug>/`, takes no argument `org_slug`, and finds `request.org` and
`request.membership` instead.  An organization that has another address now (`Moved`) is followed there, and one that
is closed may lead its members to a page that says so (`Elsewhere`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core import checks
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django_htmx.http import HttpResponseClientRedirect

from saas import hooks
from saas.audit.watching import note_refusal
from saas.htmx import redirect
from saas.http import same_site_path

View = TypeVar("View", bound=Callable[..., Any])
MARK = "access_mark"
ORG_ARGUMENT = "org_slug"
#: Session key: the slug of the organization that was open last, for redirects and nothing else.
LAST_ORG = "last_org"


@dataclass(frozen=True, slots=True)
class Mark:
    """Who may open a view.  `permission` belongs to the kinds `org` and `staff`."""

    kind: str
    permission: str = ""


class Refused(PermissionDenied):
    """A member's role does not include this.  The 403 page explains it, and names who can change it."""

    def __init__(self, permission: str, *, org: Any, obj: Any = None) -> None:
        super().__init__(f"Your role in {org} does not include {permission}.")
        self.permission, self.org, self.obj = permission, org, obj


class Moved(Exception):
    """The organization at this address has another one now."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class Elsewhere(Exception):
    """This member finds what there is to see of the organization at another address."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


PUBLIC = Mark("public")
SIGNED_IN = Mark("signed_in")


def public(view: View) -> View:
    """Anybody may open this view."""
    return _marked(view, PUBLIC)


def signed_in(view: View) -> View:
    """Anybody with an active account may open this view."""
    return _marked(view, SIGNED_IN)


def org_view(permission: str) -> Callable[[View], View]:
    """Members of the organization in the URL whose role has the permission; sets request.org, request.membership."""
    return lambda view: _marked(view, Mark("org", permission))


def staff_only(permission: str) -> Callable[[View], View]:
    """People whose platform role has the permission.  To everybody else the page does not exist."""
    return lambda view: _marked(view, Mark("staff", permission))


def _marked(view: View, mark: Mark) -> View:
    if getattr(view, MARK, mark) != mark:
        raise ImproperlyConfigured(f"{describe(view)} has two different marks.")
    setattr(view, MARK, mark)
    return view


#: Marks of the libraries' views, by URL name, or by `namespace:*` for all views of a namespace.
LIBRARY_MARKS: Mapping[str, Mark] = {
    # allauth.account. Signing out is public: for somebody who is signed out already it just leads home.
    "account_login": PUBLIC,
    "account_logout": PUBLIC,
    "account_inactive": PUBLIC,
    "account_signup": PUBLIC,
    "account_signup_by_passkey": PUBLIC,
    "account_request_login_code": PUBLIC,
    "account_confirm_login_code": PUBLIC,
    "account_email_verification_sent": PUBLIC,
    "account_confirm_email": PUBLIC,
    "account_reset_password": PUBLIC,
    "account_reset_password_done": PUBLIC,
    "account_reset_password_from_key": PUBLIC,
    "account_reset_password_from_key_done": PUBLIC,
    "account_reauthenticate": SIGNED_IN,
    "account_email": SIGNED_IN,
    "account_change_password": SIGNED_IN,
    "account_set_password": SIGNED_IN,
    # allauth.mfa. Public are the steps that belong to signing in or up.
    "mfa_authenticate": PUBLIC,
    "mfa_trust": PUBLIC,
    "mfa_login_webauthn": PUBLIC,
    "mfa_signup_webauthn": PUBLIC,
    "mfa_index": SIGNED_IN,
    "mfa_reauthenticate": SIGNED_IN,
    "mfa_reauthenticate_webauthn": SIGNED_IN,
    "mfa_activate_totp": SIGNED_IN,
    "mfa_deactivate_totp": SIGNED_IN,
    "mfa_view_recovery_codes": SIGNED_IN,
    "mfa_generate_recovery_codes": SIGNED_IN,
    "mfa_download_recovery_codes": SIGNED_IN,
    "mfa_list_webauthn": SIGNED_IN,
    "mfa_add_webauthn": SIGNED_IN,
    "mfa_edit_webauthn": SIGNED_IN,
    "mfa_remove_webauthn": SIGNED_IN,
    # allauth.socialaccount and its providers
    "socialaccount_login_cancelled": PUBLIC,
    "socialaccount_login_error": PUBLIC,
    "socialaccount_signup": PUBLIC,
    "socialaccount_connections": SIGNED_IN,
    "google_login": PUBLIC,
    "google_callback": PUBLIC,
    "google_login_by_token": PUBLIC,
    "github_login": PUBLIC,
    "github_callback": PUBLIC,
    "microsoft_login": PUBLIC,
    "microsoft_callback": PUBLIC,
    "openid_connect_login": PUBLIC,
    "openid_connect_callback": PUBLIC,
    # allauth.usersessions
    "usersessions_list": SIGNED_IN,
}


def mark_of(view: Callable[..., Any], name: str) -> Mark | None:
    """The mark of a view that is reached by this URL name (`namespace:name`)."""
    found: Mark | None = getattr(view, MARK, None)
    return found or LIBRARY_MARKS.get(name) or LIBRARY_MARKS.get(f"{name.rpartition(':')[0]}:*")


#: What a browser may keep of a signed-in person's page: nothing of the account and the administration, so that the back
#: button of a shared computer shows none of it; others for going back only, so that a half-filled form is still there.
KEPT_BY_BROWSER = {"signed_in": "no-store", "staff": "no-store"}


class AccessMiddleware:
    """Acts on the marks.  Stands after authentication, messages and HtmxMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not response.has_header("Cache-Control") and is_signed_in(request.user):
            response["Cache-Control"] = (
                f"private, {KEPT_BY_BROWSER.get(vars(request).get('mark_kind', ''), 'no-cache')}"
            )
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Let the request through, or answer it.  Raises ImproperlyConfigured for a view without a mark."""
        match = request.resolver_match
        mark = mark_of(view, match.view_name if match else "")
        if mark is None:
            raise ImproperlyConfigured(f"{describe(view)} has no mark, so nobody may open it. {HINT}")
        vars(request)["mark_kind"] = mark.kind
        if mark.kind == "public":
            return None
        if not is_signed_in(request.user):
            return to_sign_in(request)
        slug = kwargs.get(ORG_ARGUMENT, "")
        if mark.kind == "org":
            try:
                enter_organization(request, mark.permission, kwargs)
            except Moved as moved:
                return to_new_address(request, moved.slug, kwargs)
            except Elsewhere as elsewhere:
                return redirect(request, elsewhere.url)
            except (Http404, PermissionDenied) as refusal:
                note_stranger(request, mark, refusal, slug=slug)
                raise
        elif mark.kind == "staff":
            enter_administration(request, mark.permission)
        return None


def note_stranger(request: HttpRequest, mark: Mark, refusal: Exception, *, slug: str) -> None:
    """Keep in the log that somebody wanted into an organization that is not his.

    A role that lacks the permission is noted where the 403 page is made; an organization that is gone is no offense.
    """
    is_gone = isinstance(refusal, Http404) and hasattr(refusal, "title")
    if isinstance(refusal, Refused) or is_gone:
        return
    why = "suspended" if isinstance(refusal, PermissionDenied) else "organization"
    note_refusal(request, mark.permission, slug=slug, why=why)


def is_signed_in(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_active)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and afterwards back to where the person was; htmx is told to move the whole page."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        came_from = htmx.current_url_abs_path
    elif request.method in ("GET", "HEAD"):
        came_from = request.get_full_path()
    else:
        came_from = same_site_path(request, request.headers.get("Referer", ""))
    address = resolve_url(settings.LOGIN_URL)
    if came_from:
        address = f"{address}?{urlencode({REDIRECT_FIELD_NAME: came_from})}"
    return HttpResponseClientRedirect(address) if htmx else HttpResponseRedirect(address)


def to_new_address(request: HttpRequest, slug: str, kwargs: dict[str, Any]) -> HttpResponse:
    """The same page under the organization's present address, for good; a form that was sent stays sent.

    Browsers keep a permanent redirect for as long as they like; here they ask again, for one day the old address may
    be another organization's.
    """
    match = request.resolver_match
    query = f"?{request.META['QUERY_STRING']}" if request.META.get("QUERY_STRING") else ""
    address = reverse(match.view_name, kwargs={**kwargs, ORG_ARGUMENT: slug}) + query if match else f"/o/{slug}/"
    response = HttpResponsePermanentRedirect(address)
    if request.method not in ("GET", "HEAD"):
        response.status_code = 308
    response["Cache-Control"] = "private, no-cache"
    return response


def enter_organization(request: HttpRequest, permission: str, kwargs: dict[str, Any]) -> None:
    """Find the organization of the URL and the person's membership, and ask for the permission.

    Takes `org_slug` out of the view's arguments.  Raises Http404 for an unknown organization and for somebody who is
    no member of it, Refused for a member whose role lacks the permission; Moved and Elsewhere as the provider of
    `hooks.membership` does.
    """
    slug = kwargs.pop(ORG_ARGUMENT)
    found = hooks.membership(slug, request.user)
    if found is None:
        raise Http404("No such organization.")
    org, membership = found
    request.org, request.membership = org, membership  # type: ignore[attr-defined]
    if not hooks.can(request.user, permission, org=org):
        raise Refused(permission, org=org)
    if is_navigation(request) and request.session.get(LAST_ORG) != org.slug:
        request.session[LAST_ORG] = org.slug


def is_navigation(request: HttpRequest) -> bool:
    """Whether the person goes to a page; a picture or a part of a page may be of another window's organization."""
    htmx = getattr(request, "htmx", None)
    return (request.headers.get("Sec-Fetch-Dest", "document") == "document" and not htmx) or bool(htmx and htmx.boosted)


def enter_administration(request: HttpRequest, permission: str) -> None:
    """Ask for the staff's permission, and note who has not got it.  Raises Http404."""
    try:
        check_staff(request.user, permission)
    except Http404:
        note_refusal(request, permission, why="staff")
        raise


def check_staff(user: Any, permission: str) -> None:
    """Raises Http404 for somebody without a platform role, and for a platform role without the permission."""
    if not getattr(user, "platform_role", ""):
        raise Http404("Only for staff.")
    if not hooks.can(user, permission, org=None):
        raise Http404("Only for staff with another role.")


# -- the system check ------------------------------------------------------------------------------------------

HINT = (
    "Decorate it with public, signed_in, org_view(…) or staff_only(…) of saas.access; "
    "a library's view goes into LIBRARY_MARKS."
)


@dataclass(frozen=True, slots=True)
class Route:
    """One URL of the site: its name (`namespace:name`; "" without one), pattern, argument names and view."""

    name: str
    pattern: str
    arguments: frozenset[str]
    view: Callable[..., Any]

    @property
    def mark(self) -> Mark | None:
        return mark_of(self.view, self.name)


def routes(urlconf: str | None = None) -> Iterator[Route]:
    """Every URL of the site, included ones too."""
    return _walk(get_resolver(urlconf), "", "", frozenset())


def _walk(resolver: URLResolver, namespace: str, prefix: str, arguments: frozenset[str]) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        known = arguments | set(entry.pattern.converters) | set(entry.pattern.regex.groupindex)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, inner, pattern, known)
        elif isinstance(entry, URLPattern):
            yield Route(f"{namespace}{entry.name}" if entry.name else "", pattern, known, entry.callback)


def register_checks() -> None:
    """Let Django's checks refuse a start with an unmarked view."""
    checks.register(check_marks, checks.Tags.urls)


def check_marks(**_kwargs: Any) -> list[checks.CheckMessage]:
    """One error for each view that has no mark, or whose mark and URL do not fit each other."""
    return [message for route in routes() for message in _check_route(route)]


def _check_route(route: Route) -> Iterator[checks.CheckMessage]:
    words = f"{describe(route.view)} at /{route.pattern}"
    is_inside = ORG_ARGUMENT in route.arguments
    if route.mark is None:
        yield checks.Error(f"{words} has no mark.", hint=HINT, id="saas.E010")
    elif (route.mark.kind == "org") != is_inside:
        yield checks.Error(
            f"{words}: an org_view and <slug:{ORG_ARGUMENT}> in the URL belong together, and one is missing.",
            hint="Without the mark nobody asks whether the person is a member.",
            id="saas.E011",
        )


def describe(view: Callable[..., Any]) -> str:
    """Module and name of a view, the class's for a class-based one."""
    view = getattr(view, "view_class", view)
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__name__)}"
