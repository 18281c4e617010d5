"""Everything under accounts/: allauth's pages, some replaced by ours, without those that it keeps for old links.

Passkeys have keys of ours here, not integers.
"""

from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.webauthn import views as webauthn
from allauth.urls import build_provider_urlpatterns
from django.urls import include, path

from accounts import auth_views, security_views

factors = [
    path("", security_views.to_security, name="mfa_index"),
    path("authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("trust/", mfa.trust, name="mfa_trust"),
    path("totp/activate/", auth_views.ActivateTOTP.as_view(), name="mfa_activate_totp"),
    path("totp/deactivate/", auth_views.DeactivateTOTP.as_view(), name="mfa_deactivate_totp"),
    path("recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/generate/", auth_views.GenerateRecoveryCodes.as_view(), name="mfa_generate_recovery_codes"),
    path("recovery-codes/download/", recovery_codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("passkeys/", security_views.to_security, name="mfa_list_webauthn"),
    path("passkeys/add/", auth_views.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("passkeys/sign-in/", webauthn.login_webauthn, name="mfa_login_webauthn"),
    path("passkeys/reauthenticate/", webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("passkeys/<oid:pk>/edit/", auth_views.EditPasskey.as_view(), name="mfa_edit_webauthn"),
    path("passkeys/<oid:pk>/remove/", auth_views.RemovePasskey.as_view(), name="mfa_remove_webauthn"),
]

urlpatterns = [
    path("email/", auth_views.Emails.as_view(), name="account_email"),
    path("", include("allauth.account.urls")),
    path("2fa/", include(factors)),
    path("connected/", auth_views.Connections.as_view(), name="socialaccount_connections"),
    path("connected/", include("allauth.socialaccount.urls")),
    *build_provider_urlpatterns(),
    path("sessions/", security_views.session_list, name="usersessions_list"),
]
