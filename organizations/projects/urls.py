"""Under `/o/<slug:org_slug>/projects/`, in the namespace `organizations`."""

from django.urls import path

from organizations.projects import views

urlpatterns = [
    path("", views.project_list, name="project_list"),
    path("new/", views.project_create, name="project_create"),
    path("recent/", views.project_recent, name="project_recent"),
    path("<oid:project_id>/", views.project_detail, name="project_detail"),
    path("<oid:project_id>/edit/", views.project_edit, name="project_edit"),
    path("<oid:project_id>/share/", views.project_share, name="project_share"),
    path("<oid:project_id>/archive/", views.project_archive, name="project_archive"),
    path("<oid:project_id>/restore/", views.project_restore, name="project_restore"),
    path("<oid:project_id>/delete/", views.project_delete, name="project_delete"),
]
