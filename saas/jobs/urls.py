from django.urls import path

from saas.jobs import views

app_name = "jobs"
urlpatterns = [
    path("", views.job_list, name="job_list"),
    path("<oid:job_id>/", views.job_detail, name="job_detail"),
    path("<oid:job_id>/cancel/", views.job_cancel, name="job_cancel"),
    path("<oid:job_id>/file/", views.job_file, name="job_file"),
]
