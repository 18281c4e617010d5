"""The product with a few pages more, for the tests of saas.access: one view for each mark, and one without."""

from django.http import HttpResponse
from django.urls import include, path
from django.views import View
from django.views.decorators.http import require_POST

from saas.access import org_view, public, signed_in, staff_only
from saas.urls import urlpatterns as product


@public
def open_page(request):
    return HttpResponse("open")


@signed_in
def own_page(request):
    return HttpResponse("own")


@signed_in
def kept_page(request):
    return HttpResponse("kept", headers={"Cache-Control": "private, max-age=60"})


@org_view("project.read")
def readers(request):
    return HttpResponse(f"{request.org.slug} {request.membership.role}")


@require_POST
@org_view("organization.delete")
def owners_only(request):
    return HttpResponse("deleted")


class ClassView(View):
    def get(self, request):
        return HttpResponse(request.org.slug)


@staff_only("admin.monitor")
def staff_page(request):
    return HttpResponse("staff")


@staff_only("admin.no_such_permission")
def nobody_of_the_staff(request):
    return HttpResponse("never")


def unmarked(request):
    return HttpResponse("unmarked")


inside = (
    [
        path("readers/", readers, name="readers"),
        path("owners/", owners_only, name="owners"),
        path("class/", org_view("project.read")(ClassView.as_view()), name="class"),
    ],
    "inside",
)

urlpatterns = [
    path("open/", open_page, name="open"),
    path("own/", own_page, name="own"),
    path("kept/", kept_page, name="kept"),
    path("unmarked/", unmarked, name="unmarked"),
    path("staff/", staff_page, name="staff"),
    path("staff/never/", nobody_of_the_staff, name="never"),
    path("o/<slug:org_slug>/", include(inside)),
    *product,  # the layout links to its pages
]
