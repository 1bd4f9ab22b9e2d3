"""The WSGI application: each request and its body run in a context of their own; an unsafe start is refused."""

import os

import django
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
django.setup()

from governance.checks.starting import refuse_unsafe_start  # noqa: E402 - needs the app registry
from governance.web.context import FreshContext  # noqa: E402 - as above

refuse_unsafe_start()
application = FreshContext(get_wsgi_application())
