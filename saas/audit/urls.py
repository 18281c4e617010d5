from django.urls import path

from saas.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.entry_list, name="entry_list"),
    path("export/", views.entry_export, name="entry_export"),
    path("verify/", views.entry_verify, name="entry_verify"),
    path("<oid:entry_id>/", views.entry_detail, name="entry_detail"),
]
