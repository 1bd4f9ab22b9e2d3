"""`/livez` says that the process answers, `/healthz` that database, broker and root key do."""

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from governance.keys.errors import ProviderFailed
from governance.keys.providers import root_provider


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Return 200 as long as this process serves."""
    return JsonResponse({"status": "alive"})


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200 where all three work, else 503; each with one word, no details for strangers."""
    states = {"database": _database(), "broker": _broker(), "root_key": _root_key()}
    ready = all(state == "ok" for state in states.values())
    return JsonResponse({"status": "ready" if ready else "not ready", **states}, status=200 if ready else 503)


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


def _root_key() -> str:
    try:
        root_provider().health()
    except ProviderFailed:
        return "down"
    return "ok"
