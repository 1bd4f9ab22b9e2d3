"""`/livez` says that the process answers, `/healthz` that database, broker, root key and record do, and that workers work.

A worker that is late makes the state `degraded` and not the answer 503: chats are taken in and read without it, and a
balancer that took the web away would only add to the harm.
"""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from governance.web import probes


@require_safe
def livez(request: HttpRequest) -> JsonResponse:
    """Return 200 as long as this process serves."""
    return JsonResponse({"status": "alive"})


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200 where all that a request needs works, else 503; each with one word, no details for strangers."""
    states = {
        "database": probes.database(), "broker": probes.broker(), "root_key": probes.root_key(), "audit": probes.audit()
    }  # fmt: skip
    ready, worker = all(state == probes.OK for state in states.values()), probes.worker()
    status = "not ready" if not ready else "ready" if worker == probes.OK else "degraded"
    return JsonResponse({"status": status, **states, "worker": worker}, status=200 if ready else 503)
