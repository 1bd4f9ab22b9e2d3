"""Servers of your own: no default for a secret, and a missing one is named."""

import os

from settings import env
from settings.base import *

SECRET_KEY = env.required("THREADVAULT_SECRET_KEY")
ALLOWED_HOSTS = env.required("THREADVAULT_ALLOWED_HOSTS").split(",")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if not host.startswith(".")]
LOGGING["handlers"]["console"]["formatter"] = env.log_format("json")  # type: ignore[index]  # a plain mapping
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if os.environ.get("THREADVAULT_BEHIND_PROXY") else None
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
EMAIL_HOST = os.environ.get("THREADVAULT_MAIL_HOST", "localhost")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("THREADVAULT_MAIL_FROM", "threadvault@localhost")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = False
env.required("DATABASE_URL")
env.required("DATABASE_OWNER_URL")
env.required("BROKER_URL")
env.required("THREADVAULT_ROOT_KEY")
