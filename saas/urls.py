"""The map of the site.  Every view carries a mark (saas/access.py); every URL has a line in tests/test_access.py."""

from django.conf import settings
from django.urls import include, path

from saas import errors, health, pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("terms/", pages.terms, name="terms"),
    path("privacy/", pages.privacy, name="privacy"),
    path("robots.txt", pages.robots, name="robots"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("accounts/", include("accounts.auth_urls")),
    path("", include("accounts.urls")),
    path("o/", include("organizations.urls")),
    path("o/<slug:org_slug>/jobs/", include("saas.jobs.org_urls")),
    path("o/<slug:org_slug>/webhooks/", include("saas.webhooks.urls")),
    path("account/jobs/", include("saas.jobs.urls")),
    path("", include("saas.mailing.urls")),
    path("", include("saas.search.urls")),
    path("o/<slug:org_slug>/audit/", include("saas.audit.urls")),
    path("admin/audit/", include("saas.audit.staff_urls")),
    path("notifications/", include("saas.notifications.urls")),
    path("o/<slug:org_slug>/settings/notifications/", include("saas.notifications.org_urls")),
    path("invitations/", include("organizations.invitation_urls")),
    path("admin/webhooks/", include("saas.webhooks.platform_urls")),
    path("admin/", include("platform_admin.urls")),
]

if not settings.IS_DEPLOYED:
    from saas import styleguide
    from saas.mailing import preview

    urlpatterns += [
        path("styleguide/", styleguide.styleguide, name="styleguide"),
        path("styleguide/mail/", preview.mail_preview, name="mail_preview"),
        path("styleguide/mail/<slug:key>/<slug:theme>/", preview.mail_preview_html, name="mail_preview_html"),
        path("sandbox/", include("saas.sandbox.urls")),
    ]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.not_found
handler500 = errors.server_error
