"""What there is to look at first: the landing page."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from governance.console.auditing import latest
from governance.console.gates import current_time, open_actions, page, purpose_of
from governance.identity.principals import Principal
from governance.vault.listing import count_visible


@require_GET
@page()
def index(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show what is here: counts of what the person may list, what waits, and the latest of the record where it is open."""
    counts = count_visible(principal=principal, purpose=purpose_of(request), now=current_time())
    context = {
        "title": "Overview",
        "counts": counts,
        "states": [(state.label, count) for state, count in counts.states.items()] if counts else [],
        "total": sum(counts.states.values()) if counts else 0,
        "actions": open_actions(request),
        "entries": latest(principal) if "read_audit" in open_actions(request) else [],
    }
    return render(request, "console/index.html", context)
