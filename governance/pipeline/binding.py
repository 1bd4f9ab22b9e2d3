"""Binds the ports of lower parts: called once, when the app registry is ready."""

from governance.jobs import bell
from governance.pipeline import ringing


def bind() -> None:
    """Let `jobs.bell` ring through Celery."""
    bell.bind(ringing.ring)
