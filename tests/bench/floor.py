"""The floor: Django answering ten bytes, without middleware, sessions or a database."""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path


def ten_bytes(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ten bytes!")


urlpatterns = [path("", ten_bytes)]

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="floor", MIDDLEWARE=[], DATABASES={})
django.setup()
application = WSGIHandler()
