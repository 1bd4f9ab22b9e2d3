"""The test suite: real PostgreSQL and broker, quick password hashes, warnings that fail."""

from settings.base import *

SECRET_KEY = "only-for-tests-" + "0" * 40
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
MFA_TOTP_TOLERANCE = 1  # A code made at the end of its half minute is still good in a slow browser.
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
STATIC_ROOT = None  # type: ignore[assignment]  # Files come from their packages; nothing is collected here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True  # Else each client of a test looks at every file anew.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
for _alias in DATABASES.values():
    _alias["CONN_MAX_AGE"] = 0
