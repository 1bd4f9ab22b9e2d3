"""Access policies to look at: the list, and one version with its form and its Cedar side by side. Acts stand apart.

A second person looks at a version that waits for an agreement, whatever else of the policies is open to them.
"""

from typing import Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.access import policies
from governance.access.models import AccessPolicy
from governance.console.gates import current_time, open_actions, page
from governance.console.policy_forms import DryRunForm
from governance.console.policy_words import changes_of, policy_line, said_of_text
from governance.identity.principals import Principal

LOOK: Final = ("manage_policies", "explain")


@require_GET
@page(any_of=LOOK)
def policy_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the policies in force, and the drafts."""
    lines = [policy_line(row) for row in policies.policies_of(principal=principal, now=current_time())]
    context = {
        "title": _("Policies"),
        "active": [one for one in lines if one.row.state == AccessPolicy.State.ACTIVE],
        "drafts": [one for one in lines if one.row.state == AccessPolicy.State.DRAFT],
        "drafting": "manage_policies" in open_actions(request),
    }
    return render(request, "console/policies.html", context)


@require_GET
@page(any_of=(*LOOK, "second"))
def policy(request: HttpRequest, principal: Principal, policy_id: UUID) -> HttpResponseBase:
    """Show one version: what it says, how it differs from the one in force, and its other versions."""
    now, opened = current_time(), open_actions(request)
    row = policies.policy(principal=principal, policy_id=policy_id, now=now)
    whole = bool(opened & set(LOOK))
    versions = policies.policies_of(principal=principal, name=row.name, now=now) if whole else []
    active = next((one for one in versions if one.state == AccessPolicy.State.ACTIVE), None)
    differs = row.state != AccessPolicy.State.ACTIVE
    context = {
        "title": _("Policy %(name)s, version %(number)s") % {"name": row.name, "number": row.version},
        "line": policy_line(row),
        "said": said_of_text(row.name, row.cedar),
        "whole": whole,
        "versions": [policy_line(one) for one in versions],
        "active": active,
        "differs": differs,
        "changes": changes_of(policies.diff(principal=principal, policy_id=policy_id, now=now)) if differs else (),
        "acts": _acts(row.state, manages="manage_policies" in opened, looks=whole),
        "dry_run": DryRunForm(initial={"last": 500}),
    }
    return render(request, "console/policy.html", context)


def _acts(state: str, *, manages: bool, looks: bool) -> tuple[str, ...]:
    """What the person may do with a version in this state; a dry run changes nothing, and tells who asked for what."""
    if not manages:
        return ("dry-run",) if looks else ()
    asks = {AccessPolicy.State.DRAFT: ("activate",), AccessPolicy.State.ACTIVE: ("retire",)}
    return ("dry-run", "version", *asks.get(AccessPolicy.State(state), ()))
