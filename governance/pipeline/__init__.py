"""Celery tasks, schedules in code, topic to function; binds the bell."""
