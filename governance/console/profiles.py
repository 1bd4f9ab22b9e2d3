"""Detection profiles to look at: the versions in force and in draft, and what one of them says. Acts stand apart.

Their settings are sealed, and opened for the page of one version alone: for whoever works with profiles or may agree to one.
"""

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.console.gates import current_time, open_actions, page
from governance.console.inert import spelled
from governance.console.policy_words import changes_of
from governance.console.profile_forms import TryForm
from governance.console.profile_words import ProfileLine, kind_or_nothing, lines_of, title_of, weakening
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.privacy import profiling
from governance.privacy.detectors import RULESET_VERSION
from governance.privacy.profiles.classes import DEFAULTS
from governance.vault.models import Collection

LOOK: Final = (profiling.ACTION, "second")


@require_GET
@page(any_of=LOOK)
def profile_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the versions in force and in draft, without their settings."""
    lines = lines_of(principal.tenant_id, profiling.profiles_of(principal=principal, now=current_time()))
    context = {
        "title": _("Detection"),
        "active": [one for one in lines if one.shown.state == "active"],
        "drafts": [one for one in lines if one.shown.state == "draft"],
        "ruleset": RULESET_VERSION,
        "drafting": profiling.ACTION in open_actions(request) and bool(scopes_without_a_profile(principal, lines)),
    }
    return render(request, "console/profiles.html", context)


def scopes_without_a_profile(principal: Principal, lines: list[ProfileLine]) -> list[tuple[str, str]]:
    """Return the whole tenant (an empty id) and the collections for which nothing is in force, by id and name."""
    taken = {one.shown.collection for one in lines if one.shown.state == "active"}
    with tenant_scope(principal.tenant_id):
        rows = Collection.objects.order_by("name").values_list("id", "name")
        free = [(str(key), spelled(name)) for key, name in rows if key not in taken]
    return free if None in taken else [("", _("the whole tenant")), *free]


@require_GET
@page(any_of=LOOK)
def profile(request: HttpRequest, principal: Principal, profile_id: UUID) -> HttpResponseBase:
    """Show one version: what it says, how it differs from the one in force, and what it masks or protects less."""
    now = current_time()
    shown = profiling.profile(principal=principal, profile_id=profile_id, now=now)
    (line,) = lines_of(principal.tenant_id, [shown])
    found = profiling.compare(principal=principal, profile_id=profile_id, now=now) if shown.state == "draft" else None
    context = {
        "title": title_of(line),
        "line": line,
        **settings_context(shown.settings or {}),
        "draft": found is not None,
        "changes": changes_of(found.diff) if found else (),
        "weakens": [weakening(way) for way in found.weakens] if found else [],
        "works": profiling.ACTION in open_actions(request),
        "trying": TryForm(),
    }
    return render(request, "console/profile.html", context)


def settings_context(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what a template shows of settings; what people wrote has its hidden characters spelled out."""
    return {
        "levels": [
            {"kind": kind_or_nothing(kind), "level": level, "built_in": DEFAULTS[kind].name.lower()}
            for kind, level in sorted(settings.get("classes", {}).items())
        ],
        "deny": [spelled(one) for one in settings.get("deny", ())],
        "allow": [
            {"kind": kind_or_nothing(one["type"]), "value": spelled(one["value"])} for one in settings.get("allow", ())
        ],
        "patterns": [
            {"name": one["name"], "kind": kind_or_nothing(one["type"]), "pattern": spelled(one["pattern"])}
            for one in settings.get("patterns", ())
        ],
    }
