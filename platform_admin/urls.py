from django.urls import path

from platform_admin import job_views, views

app_name = "platform_admin"
urlpatterns = [
    path("", views.home, name="home"),
    path("jobs/", job_views.job_list, name="job_list"),
    path("jobs/failed/<oid:job_id>/", job_views.dead_letter, name="dead_letter"),
    path("jobs/failed/<oid:job_id>/edit/", job_views.dead_letter_edit, name="dead_letter_edit"),
    path("jobs/failed/<oid:job_id>/retry/", job_views.dead_letter_retry, name="dead_letter_retry"),
    path("jobs/failed/<oid:job_id>/discard/", job_views.dead_letter_discard, name="dead_letter_discard"),
    path("jobs/schedules/<oid:schedule_id>/run/", job_views.schedule_run, name="schedule_run"),
    path("mail/", job_views.mail_list, name="mail_list"),
    path("mail/<oid:address_id>/on/", job_views.mail_switch_on, name="mail_switch_on"),
]
