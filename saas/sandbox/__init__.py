"""The simulated world of development and tests: mail, a sign-in service, receivers of webhooks.

It cannot be imported in a deployment.
"""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

if settings.IS_DEPLOYED:
    raise ImproperlyConfigured("saas.sandbox is for development and tests; take it out of INSTALLED_APPS.")
