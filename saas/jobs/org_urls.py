from django.urls import path

from saas.jobs import views

app_name = "org_jobs"
urlpatterns = [path("", views.org_job_list, name="job_list")]
