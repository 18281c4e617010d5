from django.urls import path

from accounts import cookie_views, deletion_views, export_views, security_views, views

app_name = "accounts"
urlpatterns = [
    path("account/", views.profile, name="profile"),
    path("account/theme/", views.theme, name="theme"),
    path("account/export/", export_views.account_export, name="export"),
    path("account/delete/", deletion_views.account_delete, name="delete"),
    path("account/deleted/", deletion_views.account_deleted, name="deleted"),
    path("account/keep/", deletion_views.account_keep, name="keep"),
    path("account/security/", security_views.home, name="security"),
    path("account/sessions/<oid:session_id>/end/", security_views.session_end, name="session_end"),
    path("account/not-me/<str:token>/", security_views.not_me, name="not_me"),
    path("account/locked/", security_views.locked, name="locked"),
    path("cookies/", cookie_views.cookies, name="cookies"),
    path("onboarding/", views.onboarding, name="onboarding"),
    path("onboarding/<slug:step>/", views.onboarding_step, name="onboarding_step"),
    path("onboarding/<slug:step>/draft/", views.onboarding_draft, name="onboarding_draft"),
    path("onboarding/<slug:step>/skip/", views.onboarding_skip, name="onboarding_skip"),
]
