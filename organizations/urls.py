from django.urls import path

from organizations import views

app_name = "organizations"
urlpatterns = [
    path("", views.organization_list, name="organization_list"),
    path("new/", views.organization_create, name="organization_create"),
    path("switcher/", views.switcher, name="switcher"),
    path("invitations/<oid:invitation_id>/accept/", views.invitation_accept, name="invitation_accept"),
    path("invitations/<oid:invitation_id>/decline/", views.invitation_decline, name="invitation_decline"),
    path("<slug:org_slug>/", views.dashboard, name="dashboard"),
]
