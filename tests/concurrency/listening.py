"""Loaded by a worker's `-I`: lets it listen to remote control, as it does by default. The control of row J07."""

import os

from settings.celery import app

if os.environ.get("TEST_REMOTE_CONTROL"):
    app.conf.worker_enable_remote_control = True
