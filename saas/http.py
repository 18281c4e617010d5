"""Small questions about a request, each answered in one place: where from, where to, and "is there such a thing?"."""

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from mongoengine.errors import DoesNotExist, ValidationError


def get_or_404(queryset: Any, **lookup: Any) -> Any:
    """The one row of a model, a manager, or a (scoped) queryset that matches.

    Raises Http404 when there is none, also for an id that cannot be one; Unscoped for a document's bare `objects`.
    """
    try:
        return getattr(queryset, "objects", queryset).get(**lookup)
    except (ObjectDoesNotExist, DoesNotExist):
        raise Http404("Nothing here has this address.") from None
    except (ValueError, DjangoValidationError, ValidationError) as problem:
        raise Http404("This is no address.") from problem


def same_site_path(request: HttpRequest, url: str) -> str:
    """Path and query of an address on this site, "" for any other address.  Knows the tricks of open redirects."""
    hosts = {request.get_host()}
    if not url or not url_has_allowed_host_and_scheme(url, allowed_hosts=hosts, require_https=request.is_secure()):
        return ""
    parts = urlsplit(url)
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    return path if path.startswith("/") and not path.startswith("//") else ""


def safe_next(request: HttpRequest, default: str = "") -> str:
    """Where `?next=` or the form's `next` wants to go, as a path on this site; else `default`."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    return same_site_path(request, wanted) or default


def client_ip(request: HttpRequest) -> str:
    """The address that the request came from, "" when it is unknown.

    X-Forwarded-For is read from its right end, one step for each of `TRUSTED_PROXIES`: what stands further left was
    written by the client itself. IPv4 in IPv6 clothes (`::ffff:1.2.3.4`) is answered as IPv4.
    """
    chain = [request.META.get("REMOTE_ADDR", "")]
    if settings.TRUSTED_PROXIES:
        chain = [*request.headers.get("X-Forwarded-For", "").split(","), *chain][-1 - settings.TRUSTED_PROXIES :]
    return next(filter(None, map(_plain_address, chain)), "")


def address_bucket(address: str) -> str:
    """What to count requests by: the address, for IPv6 its /64, which one household or machine has to itself."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return address


def _plain_address(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


class SignedInRequest(HttpRequest):
    """What a `signed_in` view is handed; for annotations.  `user` is an accounts.User."""

    user: Any


class OrgRequest(SignedInRequest):
    """What an `org_view` is handed; for annotations.  `org` and `membership` are those of the organizations room."""

    org: Any
    membership: Any
