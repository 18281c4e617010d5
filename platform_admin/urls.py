from django.urls import path

from platform_admin import event_views, job_views, views

app_name = "platform_admin"
urlpatterns = [
    path("", views.home, name="home"),
    path("jobs/", job_views.job_list, name="job_list"),
    path("jobs/failed/<oid:job_id>/", job_views.dead_letter, name="dead_letter"),
    path("jobs/failed/<oid:job_id>/edit/", job_views.dead_letter_edit, name="dead_letter_edit"),
    path("jobs/failed/<oid:job_id>/retry/", job_views.dead_letter_retry, name="dead_letter_retry"),
    path("jobs/failed/<oid:job_id>/discard/", job_views.dead_letter_discard, name="dead_letter_discard"),
    path("jobs/schedules/<oid:schedule_id>/run/", job_views.schedule_run, name="schedule_run"),
    path("events/", event_views.event_list, name="event_list"),
    path("events/parked/", event_views.event_parked, name="event_parked"),
    path("events/matrix/", event_views.event_matrix, name="event_matrix"),
    path("events/<oid:event_id>/", event_views.event_detail, name="event_detail"),
    path("events/<oid:event_id>/<slug:sink>/replay/", event_views.event_replay, name="event_replay"),
    path("events/<oid:event_id>/<slug:sink>/retry/", event_views.event_retry, name="event_retry"),
    path("mail/", job_views.mail_list, name="mail_list"),
    path("mail/<oid:address_id>/on/", job_views.mail_switch_on, name="mail_switch_on"),
]
