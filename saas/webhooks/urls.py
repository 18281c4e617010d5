"""Addresses of an organization's endpoints, under `/o/<slug>/webhooks/`; platform_urls.py has those of the platform."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from saas.webhooks import places, views

app_name = places.ORGANIZATION


def addresses(mark: Callable[[str, places.Page], Any]) -> list[URLPattern]:
    """All pages; `mark(action, page)` makes of each a view that those may open who may do that."""
    one, delivery = "<oid:webhook_id>/", "<oid:webhook_id>/deliveries/<oid:delivery_id>/"
    pages: list[tuple[str, str, places.Page]] = [
        ("", "read", views.webhook_list),
        ("new/", "create", views.webhook_create),
        (one, "read", views.webhook_detail),
        (f"{one}edit/", "update", views.webhook_edit),
        (f"{one}secret/", "update", views.webhook_secret),
        (f"{one}rotate/", "update", views.webhook_rotate),
        (f"{one}pause/", "update", views.webhook_pause),
        (f"{one}resume/", "update", views.webhook_resume),
        (f"{one}delete/", "delete", views.webhook_delete),
        (f"{one}test/", "update", views.webhook_test),
        (f"{one}replay/", "update", views.webhook_replay),
        (delivery, "read", views.delivery_detail),
        (f"{delivery}replay/", "update", views.delivery_replay),
    ]
    return [path(route, mark(action, page), name=page.__name__) for route, action, page in pages]


urlpatterns = addresses(places.for_members)
