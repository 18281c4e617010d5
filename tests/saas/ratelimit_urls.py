"""The product with a few limited pages more, for the tests of saas.ratelimit."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import path
from django.views import View

from saas.access import org_view, public
from saas.db import atomic
from saas.ratelimit import RouteClass, hit, with_rate_limit
from saas.urls import urlpatterns as product

EXPORTS = RouteClass("exports", by="address", on_store_down="closed", methods=["POST"])


@public
@with_rate_limit("2/minute", name="plain")
def plain(request):
    return HttpResponse("here")


@public
@with_rate_limit("2/minute", by="address", on_store_down="closed")
def closed(request):
    return HttpResponse("here")


@public
@with_rate_limit("2/minute")
def missing(request):
    raise Http404


@public
@with_rate_limit("2/minute")
def forbidden(request):
    raise PermissionDenied


@public
@with_rate_limit("2/minute")
def broken(request):
    raise ZeroDivisionError


@public
@with_rate_limit("5/minute", by="address", name="outer")
@with_rate_limit("2/hour", by=lambda request: request.GET.get("who"), name="inner")
def twice(request):
    return JsonResponse({})


@public
@with_rate_limit(lambda request: request.GET["limit"], name="by_plan")
def by_plan(request):
    return HttpResponse("here")


@org_view("project.read")
@with_rate_limit("2/minute", by="organization")
def team(request):
    return HttpResponse("here")


@public
@with_rate_limit("2/minute", by=EXPORTS)
def export_one(request):
    return HttpResponse("one")


@public
@with_rate_limit("2/minute", by=EXPORTS)
def export_two(request):
    return HttpResponse("two")


class ClassView(View):
    def get(self, request):
        return HttpResponse("here")


@public
def in_service(request):
    hit("1/minute", name="service", key=request.GET["key"], on_store_down="closed")
    return HttpResponse("done")


@public
def in_transaction(request):
    atomic(lambda: hit("1/minute", name="service", key="anybody"))()
    return HttpResponse("never")


urlpatterns = [
    path("plain/", plain),
    path("closed/", closed),
    path("missing/", missing),
    path("forbidden/", forbidden),
    path("broken/", broken),
    path("twice/", twice),
    path("by-plan/", by_plan),
    path("o/<slug:org_slug>/team/", team),
    path("export/one/", export_one),
    path("export/two/", export_two),
    path("class/", public(with_rate_limit("2/minute")(ClassView.as_view()))),
    path("in-service/", in_service),
    path("in-transaction/", in_transaction),
    *product,
]
