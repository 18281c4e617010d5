from django.urls import path

from saas.notifications import preference_views, views

app_name = "notifications"
urlpatterns = [
    path("", views.inbox, name="list"),
    path("recent/", views.recent, name="recent"),
    path("count/", views.count, name="count"),
    path("seen/", views.seen, name="seen"),
    path("read/", views.read_all, name="read_all"),
    path("<oid:notification_id>/open/", views.open_one, name="open"),
    path("<oid:notification_id>/read/", views.read, name="read"),
    path("<oid:notification_id>/unread/", views.unread, name="unread"),
    path("<oid:notification_id>/archive/", views.put_away, name="archive"),
    path("<oid:notification_id>/unarchive/", views.put_back, name="unarchive"),
    path("preferences/", preference_views.preferences, name="preferences"),
    path("unsubscribe/<str:token>/", preference_views.unsubscribe, name="unsubscribe"),
]
