"""The product with pages that fail, for the tests of saas.errors."""

import kombu.exceptions
import pymongo.errors
import redis.exceptions
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpResponse
from django.urls import path

from saas.access import public
from saas.errors import Problem
from saas.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class SeatsTaken(Problem):
    status = 409


def wrapped():
    try:
        raise pymongo.errors.AutoReconnect("gone")
    except pymongo.errors.AutoReconnect as cause:
        raise RuntimeError("could not save") from cause


def raising(error):
    @public
    def view(request):
        raise error

    return view


@public
def nested(request):
    wrapped()


@public
def fine(request):
    return HttpResponse("fine")


FAILURES = {
    "bad": SuspiciousOperation("nonsense"),
    "denied": PermissionDenied("Only owners may do this."),
    "missing": Http404("secret reason"),
    "bug": RuntimeError("secret reason"),
    "problem": SeatsTaken("All seats are taken. Remove somebody first."),
    "database": pymongo.errors.ServerSelectionTimeoutError("10.0.0.5:27017 secret reason"),
    "queue": kombu.exceptions.OperationalError("secret reason"),
    "cache": redis.exceptions.ConnectionError("secret reason"),
}
urlpatterns = [
    *[path(f"fail/{name}/", raising(error)) for name, error in FAILURES.items()],
    path("fail/nested/", nested),
    path("fine/", fine),
    *urlpatterns,
]
