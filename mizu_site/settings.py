"""Django's settings. What an operator changes stands in the environment or in `apps.config`, not here."""

from __future__ import annotations

import os

import environ
from django.utils.translation import gettext_lazy as _

from mizu_site.environment import ROOT, broker_url, secret_key
from mizu_site.run.place import Place
from mizu_site.theme import UNFOLD  # noqa: F401  (Django reads it from here)

PLACE = Place.read()
ENVIRONMENT = PLACE.asked
VAR = ENVIRONMENT.var
STORES = PLACE.environment()  # the private ones, where the environment names none

SECRET_KEY = secret_key(os.environ, VAR)
DEBUG = os.environ.get("MIZU_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("MIZU_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("MIZU_ORIGINS", "").split(",") if origin]

INSTALLED_APPS = [
    "mizu_site",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin.apps.SimpleAdminConfig",  # `urls` looks for the pages; who serves none need not load them
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "csp",
    "django_celery_beat",
    "apps.core",
    "apps.config",
    "apps.users",
    "apps.aaa",
    "apps.groups",
    "apps.approvals",
    "apps.numbers",
    "apps.pbx",
    "apps.pricing",
    "apps.portability",
    "apps.routing",
    "apps.signalling",
    "apps.cdrs",
    "apps.recordings",
    "apps.invoices",
    "apps.dids",
    "apps.screening",
    "apps.callshop",
    "apps.pricelists",
    "apps.resellers",
    "apps.vouchers",
    "apps.desk",
    "apps.api",
    "apps.portal",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "apps.core.middleware.RelaxedPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.portal.second_factor.SecondFactorWanted",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "mizu_site.urls"
WSGI_APPLICATION = "mizu_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# One database engine everywhere. CONN_MAX_AGE: the switch's writer and the web keep their connections.
DATABASES = {
    "default": environ.Env.db_url_config(STORES["DATABASE_URL"])
    | {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
}
REDIS_URL = STORES["REDIS_URL"]
CACHES = {"default": {"BACKEND": "apps.core.cache.ForgivingRedisCache", "LOCATION": REDIS_URL}}

AUTH_USER_MODEL = "users.Account"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "apps.users.directory.StaffDirectory",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "apps.users.passwords.AsTheSettingsSay"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = (
    False  # whoever asks for an address that nobody has gets the same page, and no mail
)
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_ADAPTER = "apps.portal.adapter.Doors"  # accounts are opened by the office
ACCOUNT_RATE_LIMITS = {"login_failed": None}  # `apps.users.services.lockouts` counts, in the database
MFA_ADAPTER = "apps.portal.second_factor.SealedFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Mizu"
MFA_TOTP_TOLERANCE = 1  # telephones' clocks are not ours
MFA_RECOVERY_CODES_SHOW_ONCE = True

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("hu", _("Hungarian")), ("de", _("German"))]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["mizu_site.formats"]

STATIC_URL = "static/"
STATICFILES_DIRS = [ROOT / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True  # from where they lie: nothing has to be collected
MEDIA_ROOT = VAR / "media"

EMAIL_URL = os.environ.get("EMAIL_URL")
if EMAIL_URL:
    _email = environ.Env.email_url_config(EMAIL_URL)
    EMAIL_BACKEND = _email["EMAIL_BACKEND"]
    EMAIL_HOST = _email.get("EMAIL_HOST", "")
    EMAIL_PORT = _email.get("EMAIL_PORT") or 25
    EMAIL_HOST_USER = _email.get("EMAIL_HOST_USER") or ""
    EMAIL_HOST_PASSWORD = _email.get("EMAIL_HOST_PASSWORD") or ""
    EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
    EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
else:  # without a mail server the letters lie as files where the operator can read them
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = VAR / "mail"
EMAIL_TIMEOUT = 20

SECURE_CONTENT_TYPE_NOSNIFF = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
if os.environ.get("MIZU_HTTPS") == "1":
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # whose X-Forwarded-For says where a login comes from
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Nothing a page needs comes from elsewhere, and no page has code or styles of its own; `RelaxedPolicy` says which
# pages need more.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 6 * 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.api.tokens.CountedTokens",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "apps.api.problems.problem",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mizu",
    "DESCRIPTION": "Accounts, prices, routes, calls and invoices of the carrier suite.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    # Two fields are called `transport`: how a call came, and how SIP reaches a trunk; many are called `kind`.
    "ENUM_NAME_OVERRIDES": {
        "TariffKindEnum": "apps.pricing.models.tariffs.TariffKind",
        "TransportEnum": "apps.numbers.models.rules.Transport",
        "TrunkTransportEnum": "apps.users.choices.Transport",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("MIZU_LOG_LEVEL", "INFO")},
}
