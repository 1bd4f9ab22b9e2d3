"""A process that fails with a message's text everywhere an error tracker looks. Row L07 runs it.

Run as `python -m tests.security.reporter MODE SENTINEL`: `ours` with THREADVAULT_SENTRY_DSN set, `plain` with the
library as its documentation starts it.
"""

import logging
import os
import sys

import django
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.urls import path


class Spoiled(Exception):
    """Quotes what it was given, as parsers and databases do."""


def spoil(request):
    text = request.POST["text"]
    logging.getLogger("app").warning("got %s", text)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", [text])
    try:
        parse(text)
    except Spoiled as inner:
        raise ValueError(f"cannot use {text}") from inner
    return HttpResponse(text)


def parse(text):
    raise Spoiled(text)


def refused(_request):
    from governance.access.errors import AccessDenied

    raise AccessDenied("access.policy", SENTINEL)


urlpatterns = [path("spoil/<str:word>", lambda request, word: spoil(request)), path("refused", refused)]
SENTINEL = sys.argv[2] if len(sys.argv) > 2 else ""


def main(mode, sentinel):
    if mode == "plain":
        import sentry_sdk

        sentry_sdk.init(dsn=os.environ["PLAIN_DSN"])
    settings.ROOT_URLCONF = "tests.security.reporter"
    django.setup()
    settings.ROOT_URLCONF = "tests.security.reporter"
    settings.ALLOWED_HOSTS = ["testserver"]
    from celery import Celery
    from django.test import Client

    client = Client(raise_request_exception=False, headers={"authorization": sentinel, "user-agent": sentinel})
    client.cookies["note"] = sentinel
    client.post(f"/spoil/{sentinel}?q={sentinel}", {"text": sentinel})
    client.get("/refused")
    app = Celery("spoiling", broker="memory://")

    @app.task(name="spoiling")
    def task(text):
        raise Spoiled(text)

    task.apply(args=[sentinel])
    logging.getLogger("app").error("lost %s", sentinel)

    import sentry_sdk

    sentry_sdk.capture_message(f"seen {sentinel}")
    sentry_sdk.flush(timeout=10)


if __name__ == "__main__":
    main(*sys.argv[1:])
