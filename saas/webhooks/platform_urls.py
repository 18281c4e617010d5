"""Addresses of the platform's own endpoints, under `/admin/webhooks/`."""

from saas.webhooks import places
from saas.webhooks.urls import addresses

app_name = places.PLATFORM
urlpatterns = addresses(places.for_staff)
