"""All settings. The environment is read here, once; `.env.example` explains every variable.

Development needs no variable at all. Staging and production refuse to start with a missing or unsafe value, naming it.
"""

from importlib.util import find_spec
from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from saas.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

env = Env()
env.read_env(str(BASE_DIR / ".env"), recurse=False)

# -- Which world is this ----------------------------------------------------------------------------------------------
ENVIRONMENT = env.str("ENVIRONMENT", "development", validate=validate.OneOf(["development", "staging", "production"]))
IS_DEPLOYED = ENVIRONMENT != "development"
DEBUG = env.bool("DEBUG", not IS_DEPLOYED)

PORT = env.int("PORT", 8000)
STREAM_PORT = env.int("STREAM_PORT", 8001)
MAIL_PORT = env.int("MAIL_PORT", 1025)
OIDC_PORT = env.int("OIDC_PORT", 8003)
HOOKS_PORT = env.int("HOOKS_PORT", 8004)
MONGODB_PORT = env.int("MONGODB_PORT", 27117)
VALKEY_PORT = env.int("VALKEY_PORT", 6479)
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / ".data")))

DEVELOPMENT_SECRET_KEY = "development-only-secret-key-that-production-refuses-to-start-with"
SECRET_KEY = env.str("SECRET_KEY", DEVELOPMENT_SECRET_KEY)
SITE_URL = env.str("SITE_URL", f"http://localhost:{PORT}").rstrip("/")
STREAM_URL = env.str("STREAM_URL", SITE_URL if IS_DEPLOYED else f"http://localhost:{STREAM_PORT}").rstrip("/")
SITE_HOST = SITE_URL.split("://", 1)[-1].split("/", 1)[0]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [SITE_HOST.rsplit(":", 1)[0]])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
# How many proxies in front of us append to X-Forwarded-For. 0: the header is not believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)

# -- Data: one MongoDB for models and documents, Valkey for what may be lost ------------------------------------------
MONGODB_URI = env.str("MONGODB_URI", f"mongodb://localhost:{MONGODB_PORT}/groundwork?replicaSet=rs0")
REDIS_URL = env.str("REDIS_URL", f"redis://localhost:{VALKEY_PORT}/0")
MONGODB_NAME = MONGODB_URI.split("?", 1)[0].split("://", 1)[-1].partition("/")[2] or "groundwork"
DATABASES = {
    "default": {
        "ENGINE": "saas.mongo",
        "HOST": MONGODB_URI,
        "NAME": MONGODB_NAME,
        # A page says "database unavailable" after four seconds instead of waiting for thirty.
        "OPTIONS": {"serverSelectionTimeoutMS": 4000, "connectTimeoutMS": 4000, "retryWrites": True},
    }
}
DEFAULT_AUTO_FIELD = "saas.mongo.fields.StrObjectIdAutoField"
# The libraries' own migrations speak of integer keys.
MIGRATION_MODULES = {
    label: f"saas.mongo.migrations.{label}"
    for label in ("auth", "contenttypes", "sessions", "account", "mfa", "socialaccount", "usersessions")
}
CACHES = {
    "default": {
        "BACKEND": "saas.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 2},
    }
}
SESSION_ENGINE = "saas.sessions"  # MongoDB, with a copy in the cache
RATELIMIT_STORAGE = env.str("RATELIMIT_STORAGE", "mongodb", validate=validate.OneOf(["mongodb", "valkey"]))

# -- Applications -----------------------------------------------------------------------------------------------------
OUR_APPS = ["saas", "accounts", "organizations", "platform_admin"]
INSTALLED_APPS = [
    *OUR_APPS,
    "saas.mongo.apps.AuthConfig",  # the library's app with our keys, as for the next ones
    "saas.mongo.apps.ContentTypesConfig",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # allauth's templates
    "django.contrib.staticfiles",
    "django.forms",  # our form renderer finds Django's widget templates
    "allauth",
    "saas.mongo.apps.AccountConfig",
    "saas.mongo.apps.MFAConfig",
    "saas.mongo.apps.SocialAccountConfig",
    "saas.mongo.apps.UserSessionsConfig",
    "csp",
    "django_htmx",
    "django_structlog",
    "template_partials",
]
if not IS_DEPLOYED:
    INSTALLED_APPS.append("saas.sandbox")

MIDDLEWARE = [
    "saas.request_id.RequestIdMiddleware",  # outermost: every answer carries it
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "saas.health.HealthMiddleware",  # before sessions and hosts: a probe needs neither
    "django_structlog.middlewares.RequestMiddleware",
    "saas.ratelimit.middleware.RateLimitHeadersMiddleware",
    "saas.errors.ServiceUnavailableMiddleware",
    "saas.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.PreferencesMiddleware",
    "accounts.middleware.ActivityMiddleware",
    "saas.access.AccessMiddleware",
    "saas.ratelimit.middleware.RateLimitMiddleware",
    "accounts.middleware.OnboardingMiddleware",
]

ROOT_URLCONF = "saas.urls"
WSGI_APPLICATION = "saas.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "saas.context.page",
            ],
            "builtins": ["template_partials.templatetags.partials"],
        },
    }
]
FORM_RENDERER = "saas.forms.FormRenderer"

# -- People and their sign-in -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
PASSWORD_RESET_TIMEOUT = 60 * 60  # seconds
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.passwords.GuessablePasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "organizations:organization_last"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False  # a mail scanner that opens the link uses nothing up
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "home"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a change of the ways in is told by mail
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 10 * 60
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_FORMS = {
    "login": "accounts.auth_forms.LoginForm",
    "add_email": "accounts.auth_forms.AddEmailForm",
    "request_login_code": "accounts.auth_forms.RequestLoginCodeForm",
    "confirm_login_code": "accounts.auth_forms.ConfirmLoginCodeForm",
    "signup": "accounts.auth_forms.SignupForm",
    "change_password": "accounts.auth_forms.ChangePasswordForm",
    "set_password": "accounts.auth_forms.SetPasswordForm",
    "reset_password": "accounts.auth_forms.ResetPasswordForm",
    "reset_password_from_key": "accounts.auth_forms.ResetPasswordKeyForm",
}
# accounts/limits.py counts instead; of allauth's limits only its pause between two mails of confirmation stays.
ACCOUNT_RATE_LIMITS: dict[str, None] = dict.fromkeys(
    [
        "login",
        "login_failed",
        "signup",
        "reset_password",
        "reset_password_from_key",
        "request_login_code",
        "reauthenticate",
        "change_password",
        "manage_email",
    ]
)
ACCOUNT_DEFAULT_HTTP_PROTOCOL = SITE_URL.split("://", 1)[0]

# -- The second step of signing in, passkeys, sessions ----------------------------------------------------------------
MFA_ADAPTER = "accounts.factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_TOLERANCE = 1  # the clock of a phone may be half a minute off
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_AGE = 60 * 60 * 24 * 30
MFA_TRUST_COOKIE_NAME = "__Host-trusted" if IS_DEPLOYED else "trusted"
MFA_RATE_LIMITS = {"webauthn_login": None}
MFA_FORMS = {
    "authenticate": "accounts.factor_forms.AuthenticateForm",
    "reauthenticate": "accounts.factor_forms.ReauthenticateForm",
    "activate_totp": "accounts.factor_forms.ActivateTOTPForm",
    "add_webauthn": "accounts.factor_forms.AddPasskeyForm",
    "edit_webauthn": "accounts.factor_forms.EditPasskeyForm",
    "authenticate_webauthn": "accounts.factor_forms.AuthenticatePasskeyForm",
    "reauthenticate_webauthn": "accounts.factor_forms.ReauthenticatePasskeyForm",
    "login_webauthn": "accounts.factor_forms.LoginPasskeyForm",
}

# -- Sign-in by an account elsewhere: offered when both variables of a service are set --------------------------------
SOCIALACCOUNT_ADAPTER = "accounts.social.SocialAccountAdapter"
SOCIALACCOUNT_FORMS = {"signup": "accounts.social.SignupForm", "disconnect": "accounts.social.DisconnectForm"}
SOCIALACCOUNT_STORE_TOKENS = False
SIGN_IN_SERVICES = {
    "google": (env.str("GOOGLE_CLIENT_ID", ""), env.str("GOOGLE_CLIENT_SECRET", "")),
    "github": (env.str("GITHUB_CLIENT_ID", ""), env.str("GITHUB_CLIENT_SECRET", "")),
    "microsoft": (env.str("MICROSOFT_CLIENT_ID", ""), env.str("MICROSOFT_CLIENT_SECRET", "")),
}
SIGN_IN_ORIGINS = {  # where each of them takes the person to
    "google": "https://accounts.google.com",
    "github": "https://github.com",
    "microsoft": "https://login.microsoftonline.com",
}
MICROSOFT_TENANT = env.str("MICROSOFT_TENANT", "common")
SOCIALACCOUNT_PROVIDERS = {
    "google": {"SCOPE": ["profile", "email"], "AUTH_PARAMS": {"prompt": "select_account"}, "OAUTH_PKCE_ENABLED": True},
    "github": {"SCOPE": ["read:user", "user:email"], "OAUTH_PKCE_ENABLED": True},
    "microsoft": {"SCOPE": ["User.Read"], "OAUTH_PKCE_ENABLED": True},
}
for _service, (_client_id, _secret) in SIGN_IN_SERVICES.items():
    if bool(_client_id) != bool(_secret):
        raise ImproperlyConfigured(
            f"Set both {_service.upper()}_CLIENT_ID and {_service.upper()}_CLIENT_SECRET, or none."
        )
    if _client_id:
        _tenant = {"tenant": MICROSOFT_TENANT} if _service == "microsoft" else {}
        SOCIALACCOUNT_PROVIDERS[_service]["APPS"] = [{"client_id": _client_id, "secret": _secret, "settings": _tenant}]
        INSTALLED_APPS.append(f"allauth.socialaccount.providers.{_service}")
SIGN_IN_SERVICES = {service: pair for service, pair in SIGN_IN_SERVICES.items() if all(pair)}
SIGN_IN_ORIGINS = {service: SIGN_IN_ORIGINS[service] for service in SIGN_IN_SERVICES}
if not IS_DEPLOYED:
    SANDBOX_ID = {  # the simulated service of development, saas/sandbox/oidc.py
        "provider_id": "sandbox",
        "name": "Sandbox ID",
        "client_id": "groundwork",
        "secret": "sandbox-secret",
        "settings": {"server_url": f"http://localhost:{OIDC_PORT}", "oauth_pkce_enabled": True},
    }
    if not SIGN_IN_SERVICES:
        SIGN_IN_ORIGINS["sandbox"] = f"http://localhost:{OIDC_PORT}"
        INSTALLED_APPS.append("allauth.socialaccount.providers.openid_connect")
        SOCIALACCOUNT_PROVIDERS["openid_connect"] = {"APPS": [SANDBOX_ID]}

USERSESSIONS_ADAPTER = "accounts.sessions.SessionAdapter"

# -- Organizations ----------------------------------------------------------------------------------------------------
ALLOW_USER_TO_CREATE_ORGANIZATION = env.bool("ALLOW_USER_TO_CREATE_ORGANIZATION", True)
ORGANIZATION_LIMIT = env.int("ORGANIZATION_LIMIT", 5, validate=validate.Range(min=1))
MEMBERSHIP_LIMIT = env.int("MEMBERSHIP_LIMIT", 100, validate=validate.Range(min=1))
CREATOR_ROLE = env.str("CREATOR_ROLE", "owner")

# -- The audit log: for how many days at most its entries are kept; 0 for ever ----------------------------------------
AUDIT_RETENTION_DAYS = env.int("AUDIT_RETENTION_DAYS", 0, validate=validate.Range(min=0))

# -- Mail: Resend with its key, any SMTP server by URL, else the inbox page /sandbox/mail/ ----------------------------
EMAIL_FROM = env.str("EMAIL_FROM", "Groundwork <hello@groundwork.test>")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = EMAIL_FROM
RESEND_API_KEY = env.str("RESEND_API_KEY", "")
# Resend signs its reports of bounces and complaints to /hooks/mail/resend/ with it; without it that address is 404.
RESEND_SIGNING_SECRET = env.str("RESEND_SIGNING_SECRET", "")
EMAIL_URL = env.str("EMAIL_URL", "")
EMAIL_TIMEOUT = 15
if RESEND_API_KEY:
    EMAIL_BACKEND = "anymail.backends.resend.EmailBackend"
    ANYMAIL = {"RESEND_API_KEY": RESEND_API_KEY}
elif EMAIL_URL:
    vars().update(env.dj_email_url("EMAIL_URL"))
else:
    EMAIL_HOST = "localhost"
    EMAIL_PORT = MAIL_PORT
MAIL_SANDBOX_DIR = DATA_DIR / "mail"

# -- Background work --------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
# The most jobs that all workers of a queue together begin: QUEUE_RATES=email=10/second,webhooks=100/second
QUEUE_RATES: dict[str, str] = env.dict("QUEUE_RATES", {})

# -- Errors and logs --------------------------------------------------------------------------------------------------
SENTRY_DSN = env.str("SENTRY_DSN", "")
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")

# -- Languages and time -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True

# -- Static files -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_DEPLOYED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_DEPLOYED
MEDIA_ROOT = DATA_DIR / "media"

# -- Security ---------------------------------------------------------------------------------------------------------
SESSION_COOKIE_NAME = "__Host-session" if IS_DEPLOYED else "session"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14  # without being used; docs/security/authentication.md says why
SESSION_LIFETIME = 60 * 60 * 24 * 30  # since signing in, however much it is used
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_DEPLOYED
CSRF_COOKIE_NAME = "__Host-csrf" if IS_DEPLOYED else "csrf"
CSRF_COOKIE_HTTPONLY = True  # htmx takes the token from the page
CSRF_FAILURE_VIEW = "saas.errors.csrf_failure"
SECURE_SSL_REDIRECT = IS_DEPLOYED
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if IS_DEPLOYED else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_DEPLOYED
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF, STREAM_URL],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF, *SIGN_IN_ORIGINS.values()],  # Chromium asks for the redirects after a form, too
        "frame-ancestors": [NONE],
    }
}


def refuse_unsafe_values() -> None:
    """Stop a deployed start that lacks a value or carries one made for development, naming each.

    Raises ImproperlyConfigured.
    """
    rules = {
        "SECRET_KEY": (
            SECRET_KEY == DEVELOPMENT_SECRET_KEY or len(SECRET_KEY) < 50,
            "set it to 50 random characters or more",
        ),
        "SITE_URL": (not SITE_URL.startswith("https://"), "set it to the public https:// address"),
        "MONGODB_URI": (not env.str("MONGODB_URI", ""), "set it to your replica set"),
        "REDIS_URL": (not env.str("REDIS_URL", ""), "set it to your Valkey or Redis"),
        "DEBUG": (DEBUG, "leave it out, or set it to false"),
        "ALLOWED_HOSTS": ("*" in ALLOWED_HOSTS, "name the hosts"),
        "EMAIL_FROM": (EMAIL_FROM.endswith(".test>"), "set it to an address of your domain"),
        "RESEND_API_KEY or EMAIL_URL": (not (RESEND_API_KEY or EMAIL_URL), "set one of them, so that mail leaves"),
    }
    found = [f"{name}: {fix}" for name, (is_unsafe, fix) in rules.items() if is_unsafe]
    if found:
        raise ImproperlyConfigured(f"{ENVIRONMENT} does not start with these values.\n  " + "\n  ".join(found))


if IS_DEPLOYED:
    refuse_unsafe_values()

# django-organizations has our package's name; ours must come first on the path (see organizations/__init__.py).
_organizations = find_spec("organizations")
if _organizations is None or Path(str(_organizations.origin)).parent != BASE_DIR / "organizations":
    raise ImproperlyConfigured(
        "The package `organizations` was found elsewhere. Run from the project's folder and do not install the project."
    )

DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True  # it is our own middleware's by then
LOGGING = logging_config(level=LOG_LEVEL, as_json=IS_DEPLOYED)

if SENTRY_DSN:
    import sentry_sdk

    sentry_sdk.init(dsn=SENTRY_DSN, environment=ENVIRONMENT, send_default_pii=False)
