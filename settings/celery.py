"""The Celery application: a doorbell for rows in PostgreSQL."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")

app = Celery("threadvault")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance.pipeline"])


@setup_logging.connect
def _keep_django_logging(**_: object) -> None:
    """Leave logging to Django's settings; Celery's own format would show task arguments."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@app.on_after_finalize.connect
def _schedules(sender: Celery, **_: object) -> None:
    """Install the schedules that the pipeline keeps in code."""
    from governance.pipeline.schedules import SCHEDULES

    sender.conf.beat_schedule = SCHEDULES
