"""`/livez` says that the process answers, `/healthz` that database, broker, root key and record do, and that workers work.

A worker that is late makes the state `degraded` and not the answer 503: chats are taken in and read without it, and a
balancer that took the web away would only add to the harm.
"""

from django.core.cache import cache
from django.db import DatabaseError, connection, connections
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from governance.keys.providers import ask_all
from governance.pipeline import heartbeat


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Return 200 as long as this process serves."""
    return JsonResponse({"status": "alive"})


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200 where all that a request needs works, else 503; each with one word, no details for strangers."""
    states = {"database": _database(), "broker": _broker(), "root_key": _root_key(), "audit": _audit()}
    ready, worker = all(state == "ok" for state in states.values()), _worker()
    status = "not ready" if not ready else "ready" if worker == "ok" else "degraded"
    return JsonResponse({"status": status, **states, "worker": worker}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "down"
    return "ok"


def _broker() -> str:
    try:
        cache.get("healthz")
    except (RedisError, OSError):
        return "down"
    return "ok"


def _audit() -> str:
    """Nothing is read where nothing can be recorded, so a standby that only reads is down."""
    try:
        with connections["audit"].cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
            (reads_only,) = cursor.fetchone()
    except DatabaseError:
        return "down"
    return "down" if reads_only else "ok"


def _worker() -> str:
    """Whether schedule, broker and a worker have worked together within the last minute."""
    since = heartbeat.age()
    return "none" if since is None else "ok" if since < heartbeat.LATE else "late"


def _root_key() -> str:
    """Every provider that the configuration lists, for a version may name any of them."""
    return "down" if any(ask_all().values()) else "ok"
