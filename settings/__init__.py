"""The composition root: settings, URLs, WSGI and Celery. `governance` never imports it."""
