from django.urls import path

from organizations.activity import views

urlpatterns = [
    path("", views.activity_list, name="activity_list"),
    path("new/", views.activity_new, name="activity_new"),
    path("people/", views.activity_people, name="activity_people"),
    path("recent/", views.activity_recent, name="activity_recent"),
]
