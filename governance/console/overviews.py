"""What there is to look at beside conversations: the landing page, keys, policies, the audit trail."""

import json

from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from governance.access.errors import AccessDenied
from governance.access.granting import record_refusal
from governance.access.models import AccessPolicy
from governance.audit.events import EVENTS
from governance.audit.models import AuditEntry
from governance.audit.verifying import verify_chain
from governance.console.gates import open_actions, page
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.keys.data_keys import count_by_version
from governance.keys.models import KeyRing
from governance.vault.models import Message, State

ENTRIES = 100


@require_GET
@page()
def index(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show what is here."""
    with tenant_scope(principal.tenant_id):
        found = dict(Message.objects.order_by().values_list("state").annotate(count=Count("id")))
    states = [(State(number).label, found.get(number, 0)) for number in State.values]
    context = {"title": "Overview", "states": states, "total": sum(found.values()), "actions": open_actions(request)}
    return render(request, "console/index.html", context)


@require_GET
@page(action="manage_keys")
def keys(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show rings, versions and how many data keys each wraps."""
    with tenant_scope(principal.tenant_id):
        counts = count_by_version()
        rings = [
            {
                "use": ring.get_use_display(),
                "id": ring.id,
                "versions": [(one, counts.get(one.id, 0)) for one in ring.versions.all()],
            }
            for ring in KeyRing.objects.prefetch_related("versions")
        ]
    return render(request, "console/keys.html", {"title": "Keys", "rings": rings})


@require_GET
@page()
def policies(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the policies, active ones first."""
    if not open_actions(request) & {"manage_policies", "read_audit"}:
        refusal = AccessDenied("policy.denied", "Policies are for security officers and auditors.")
        record_refusal(principal=principal, refusal=refusal, action="manage_policies")
        raise refusal
    with tenant_scope(principal.tenant_id):
        rows = list(AccessPolicy.objects.order_by("state", "name", "-version"))
    return render(request, "console/policies.html", {"title": "Policies", "policies": rows})


@require_GET
@page(action="read_audit")
def audit(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the newest entries of the tenant's chain."""
    return _audit_page(request, principal)


@require_POST
@page(action="read_audit")
def verify(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Verify the chain and show the result above its entries."""
    with tenant_scope(principal.tenant_id, using="audit"):
        report = verify_chain(tenant=principal.tenant_id)
    return _audit_page(request, principal, report=report)


def _audit_page(request: HttpRequest, principal: Principal, **more: object) -> HttpResponseBase:
    event = request.GET.get("event", "")
    with tenant_scope(principal.tenant_id):
        entries = AuditEntry.objects.order_by("-sequence")
        rows = list((entries.filter(event=event) if event in EVENTS else entries)[:ENTRIES])
    names = {str(user): name for user, name in User.objects.values_list("id", "username")}
    lines = [(row, names.get(row.actor or "", ""), _details(row.body)) for row in rows]
    context = {"title": "Audit trail", "lines": lines, "events": EVENTS, "event": event, **more}
    return render(request, "console/audit.html", context)


def _details(body: str) -> list[tuple[str, str]]:
    """Return the facts of an entry but those that have a column of their own."""
    facts = json.loads(body)
    return [
        (name, value if isinstance(value, str) else json.dumps(value))
        for name, value in facts.items()
        if name not in {"event", "actor", "actor_kind"}
    ]
