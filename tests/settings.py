"""The product's settings on servers of the tests' own: started by the first process of a run, found by its workers."""

import os

from saas.embedded.testing import ensure_test_servers

#: A developer's `.env` may hold real keys. A test speaks to nobody outside; what stands here wins over the file.
OUTSIDE = ("RESEND_API_KEY", "EMAIL_URL", "SENTRY_DSN", "OPENAI_API_KEY", "STRIPE_SECRET_KEY", "POSTHOG_KEY")

os.environ |= dict.fromkeys(OUTSIDE, "") | {"ENVIRONMENT": "development"}
ensure_test_servers()

from saas.settings import *  # noqa: E402, F403  the addresses must be in the environment first

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]  # noqa: F405
WHITENOISE_AUTOREFRESH = True  # static files from the finders: nothing is collected for a test
