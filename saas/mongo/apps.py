"""The libraries' apps with our keys. Each library names an integer key in its AppConfig, which wins over settings.

INSTALLED_APPS = [..., "saas.mongo.apps.AuthConfig", ...]      instead of "django.contrib.auth"
"""

from allauth.account.apps import AccountConfig as BaseAccountConfig
from allauth.mfa.apps import MFAConfig as BaseMFAConfig
from allauth.socialaccount.apps import SocialAccountConfig as BaseSocialAccountConfig
from allauth.usersessions.apps import UserSessionsConfig as BaseUserSessionsConfig
from django.contrib.auth.apps import AuthConfig as BaseAuthConfig
from django.contrib.contenttypes.apps import ContentTypesConfig as BaseContentTypesConfig

KEY = "saas.mongo.fields.StrObjectIdAutoField"


class AuthConfig(BaseAuthConfig):
    default_auto_field = KEY


class ContentTypesConfig(BaseContentTypesConfig):
    default_auto_field = KEY


class AccountConfig(BaseAccountConfig):
    default_auto_field = KEY


class MFAConfig(BaseMFAConfig):
    default_auto_field = KEY


class SocialAccountConfig(BaseSocialAccountConfig):
    default_auto_field = KEY


class UserSessionsConfig(BaseUserSessionsConfig):
    default_auto_field = KEY
