"""The embedded installation of `make run`: secrets live in its state folder."""

from settings import env
from settings.base import *

SECRET_KEY = env.generated("django.secret")
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # A browser takes passkeys for http://localhost, and for no other http.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = env.home() / "mail"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
STATIC_ROOT = None  # type: ignore[assignment]  # Files come from their packages; nothing is collected here.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
