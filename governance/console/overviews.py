"""What there is to look at beside conversations: policies."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET

from governance.access.models import AccessPolicy
from governance.console.gates import page
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope


@require_GET
@page(any_of=("manage_policies", "read_audit"))
def policies(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the policies: active ones first, then drafts and retired versions."""
    with tenant_scope(principal.tenant_id):
        rows = list(AccessPolicy.objects.select_related("drafted_by").order_by("name", "-version"))
    active = [row for row in rows if row.state == AccessPolicy.State.ACTIVE]
    others = [row for row in rows if row.state != AccessPolicy.State.ACTIVE]
    return render(request, "console/policies.html", {"title": "Policies", "active": active, "others": others})
