from django.urls import include, path

from organizations.views import answers, invitations, members, organizations, ownership, roles, settings

app_name = "organizations"
urlpatterns = [
    path("", organizations.organization_list, name="organization_list"),
    path("new/", organizations.organization_create, name="organization_create"),
    path("switcher/", organizations.switcher, name="switcher"),
    path("last/", organizations.organization_last, name="organization_last"),
    path("restore/<oid:organization_id>/", settings.organization_restore, name="organization_restore"),
    path("invitations/<oid:invitation_id>/accept/", answers.invitation_accept, name="invitation_accept"),
    path("invitations/<oid:invitation_id>/decline/", answers.invitation_decline, name="invitation_decline"),
    path("<slug:org_slug>/", organizations.dashboard, name="dashboard"),
    path("<slug:org_slug>/settings/", settings.settings, name="settings"),
    path("<slug:org_slug>/settings/logo/", settings.settings_logo, name="settings_logo"),
    path("<slug:org_slug>/settings/delete/", settings.organization_delete, name="organization_delete"),
    path("<slug:org_slug>/logo/", settings.logo, name="logo"),
    path("<slug:org_slug>/roles/", roles.role_list, name="role_list"),
    path("<slug:org_slug>/members/", members.member_list, name="member_list"),
    path("<slug:org_slug>/members/leave/", members.member_leave, name="member_leave"),
    path("<slug:org_slug>/members/person/<oid:user_id>/", members.member_person, name="member_person"),
    path("<slug:org_slug>/members/<oid:membership_id>/", members.member_detail, name="member_detail"),
    path("<slug:org_slug>/members/<oid:membership_id>/role/", members.member_role, name="member_role"),
    path("<slug:org_slug>/members/<oid:membership_id>/suspend/", members.member_suspend, name="member_suspend"),
    path("<slug:org_slug>/members/<oid:membership_id>/unsuspend/", members.member_unsuspend, name="member_unsuspend"),
    path("<slug:org_slug>/members/<oid:membership_id>/remove/", members.member_remove, name="member_remove"),
    path("<slug:org_slug>/invitations/", invitations.invitation_list, name="invitation_list"),
    path("<slug:org_slug>/invitations/new/", invitations.invitation_create, name="invitation_create"),
    path(
        "<slug:org_slug>/invitations/<oid:invitation_id>/resend/",
        invitations.invitation_resend,
        name="invitation_resend",
    ),
    path(
        "<slug:org_slug>/invitations/<oid:invitation_id>/revoke/",
        invitations.invitation_revoke,
        name="invitation_revoke",
    ),
    path("<slug:org_slug>/ownership/", ownership.ownership, name="ownership"),
    path("<slug:org_slug>/ownership/request/", ownership.ownership_request, name="ownership_request"),
    path("<slug:org_slug>/ownership/accept/", ownership.ownership_accept, name="ownership_accept"),
    path("<slug:org_slug>/ownership/decline/", ownership.ownership_decline, name="ownership_decline"),
    path("<slug:org_slug>/ownership/cancel/", ownership.ownership_cancel, name="ownership_cancel"),
    path("<slug:org_slug>/projects/", include("organizations.projects.urls")),
    path("<slug:org_slug>/activity/", include("organizations.activity.urls")),
]
