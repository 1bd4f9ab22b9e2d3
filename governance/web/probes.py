"""What a request needs, asked now: database, broker, record, key providers; and whether workers work. One word each."""

from django.core.cache import cache
from django.db import DatabaseError, connection, connections
from redis.exceptions import RedisError

from governance.keys.providers import ask_all
from governance.pipeline import heartbeat

OK = "ok"
DOWN = "down"


def database() -> str:
    """Return whether PostgreSQL answers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return DOWN
    return OK


def broker() -> str:
    """Return whether the broker, which also keeps the counters, answers."""
    try:
        cache.get("healthz")
    except (RedisError, OSError):
        return DOWN
    return OK


def audit() -> str:
    """Return whether the record can grow: nothing is read where nothing can be recorded, so a standby is down."""
    try:
        with connections["audit"].cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
            (reads_only,) = cursor.fetchone()
    except DatabaseError:
        return DOWN
    return DOWN if reads_only else OK


def worker() -> str:
    """Return whether schedule, broker and a worker have worked together within the last minute: `ok`, `late` or `none`."""
    since = heartbeat.age()
    return "none" if since is None else OK if since < heartbeat.LATE else "late"


def root_key() -> str:
    """Return whether every provider that the configuration lists works, for a version may name any of them."""
    return DOWN if any(ask_all().values()) else OK
