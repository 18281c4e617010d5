"""`/invitations/…`: where the links of invitations lead, outside of any organization."""

from django.urls import path

from organizations.views import answers

app_name = "invitations"
urlpatterns = [
    path("<str:token>/", answers.invitation_detail, name="invitation_detail"),
    path("<str:token>/enter/", answers.invitation_enter, name="invitation_enter"),
    path("<str:token>/join/", answers.invitation_join, name="invitation_join"),
    path("<str:token>/refuse/", answers.invitation_refuse, name="invitation_refuse"),
]
