"""The Celery application: a doorbell for rows in PostgreSQL."""

import os

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init, worker_process_init

from settings import transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.dev")
transport.register()

app = Celery("threadvault")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["governance.pipeline"])


@setup_logging.connect
def _keep_django_logging(**_: object) -> None:
    """Leave logging to Django's settings; Celery's own format would show task arguments."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)


@worker_init.connect
@beat_init.connect
def _refuse_unsafe_start(**_: object) -> None:
    """A worker or schedule runs no system checks by itself."""
    from governance.checks.starting import UnsafeStart, refuse_unsafe_start

    try:
        refuse_unsafe_start()
    except UnsafeStart:
        raise SystemExit(1) from None  # Celery logs an exception of a signal and goes on.


@worker_process_init.connect
def _limit_memory(**_: object) -> None:
    """A message that eats memory meets an error in its own process before the machine runs out of it."""
    from governance.conf.settings import vault_settings
    from governance.pipeline.watchdog import limit_memory

    limit_memory(vault_settings().worker_memory_mb)


@app.on_after_finalize.connect
def _schedules(sender: Celery, **_: object) -> None:
    """Install the schedules that the pipeline keeps in code."""
    from governance.pipeline.schedules import SCHEDULES

    sender.conf.beat_schedule = SCHEDULES
