"""System checks `governance.E0xx`: an unsafe start is refused, and the message says how to mend it.

`manage.py check` runs those on the configuration; processes that serve or work run all of them as they start
(`starting.refuse_unsafe_start`), because neither a WSGI server nor a Celery worker runs checks by itself.
"""

from django.core.checks import register

from governance.checks.configuration import CONFIGURATION

TAG = "threadvault"
for _check in CONFIGURATION:
    register(_check, TAG)
