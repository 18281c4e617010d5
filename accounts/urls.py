from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("account/", views.profile, name="profile"),
    path("account/theme/", views.theme, name="theme"),
    path("onboarding/", views.onboarding, name="onboarding"),
    path("onboarding/<slug:step>/", views.onboarding_step, name="onboarding_step"),
    path("onboarding/<slug:step>/draft/", views.onboarding_draft, name="onboarding_draft"),
    path("onboarding/<slug:step>/skip/", views.onboarding_skip, name="onboarding_skip"),
]
