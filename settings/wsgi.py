"""The WSGI application: each request and its body run in a context of their own."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
_django = get_wsgi_application()

from governance.web.context import FreshContext  # noqa: E402 - needs the app registry

application = FreshContext(_django)
