"""The composition root: settings, URLs, WSGI and Celery. `governance` never imports it."""

from settings.celery import app as celery_app

__all__ = ["celery_app"]
