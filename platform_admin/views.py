"""Pages of the platform's staff."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from saas import doctor
from saas.access import staff_only


@staff_only("admin.monitor")
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "platform_admin/home.html", {"findings": doctor.examine()})
