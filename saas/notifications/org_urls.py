from django.urls import path

from saas.notifications import preference_views

app_name = "org_notifications"
urlpatterns = [path("", preference_views.organization_defaults, name="defaults")]
