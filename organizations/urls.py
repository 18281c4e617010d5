from django.urls import path

from organizations.views import invitations, organizations

app_name = "organizations"
urlpatterns = [
    path("", organizations.organization_list, name="organization_list"),
    path("new/", organizations.organization_create, name="organization_create"),
    path("switcher/", organizations.switcher, name="switcher"),
    path("invitations/<oid:invitation_id>/accept/", invitations.invitation_accept, name="invitation_accept"),
    path("invitations/<oid:invitation_id>/decline/", invitations.invitation_decline, name="invitation_decline"),
    path("<slug:org_slug>/", organizations.dashboard, name="dashboard"),
]
