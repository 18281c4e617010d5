from django.urls import path

from saas.audit import staff_views

app_name = "staff_audit"
urlpatterns = [
    path("", staff_views.entry_list, name="entry_list"),
    path("export/", staff_views.entry_export, name="entry_export"),
    path("verify/", staff_views.entry_verify, name="entry_verify"),
    path("<oid:entry_id>/", staff_views.entry_detail, name="entry_detail"),
]
