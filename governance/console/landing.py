"""The landing page: what needs this person today, and charts of what is stored, found, opened and refused.

One template for everybody; what stands on it is the sum of what policies open. Figures about fewer than five people are
not shown (`privacy.disclosing`); whoever reads every entry of the record may count them, so there nothing is hidden.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.audit.tallying import REFUSALS, told
from governance.console.auditing import latest
from governance.console.cards import cards_for
from governance.console.charts import Chart, chart
from governance.console.gates import current_time, open_actions, page, purpose_of
from governance.console.words import MESSAGE_STATES
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.privacy import statistics
from governance.vault.listing import count_visible

DAYS: Final = 14
MONTH: Final = 30
STORED: Final = frozenset({"manage_jobs", "read_audit", "release_statistics"})
REFUSED: Final = frozenset({"manage_policies", "read_audit"})


@require_GET
@page()
def index(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show what waits for this person, and charts of what is open to them."""
    opened, now, purpose = open_actions(request), current_time(), purpose_of(request)
    counts = count_visible(principal=principal, purpose=purpose, now=now)
    charts = list(_charts(principal, opened, purpose, now))
    context = {
        "title": _("Overview"),
        "cards": cards_for(principal=principal, name=request.user.get_username(), opened=opened, now=now),
        "charts": charts,
        "counts": counts,
        "states": [(state.label, count) for state, count in counts.states.items()] if counts else [],
        "total": sum(counts.states.values()) if counts else 0,
        "actions": opened,
        "entries": latest(principal) if "read_audit" in opened else [],
    }
    return render(request, "console/index.html", context)


def _charts(principal: Principal, opened: frozenset[str], purpose: str, now: datetime) -> Iterator[Chart]:
    tenant = principal.tenant_id
    if opened & STORED:
        yield chart(
            name="days", title=_("Messages stored, by day"), head=_("Day (UTC)"), lying=False, cut=len("2026-"),
            figures=statistics.messages_by_day(tenant=tenant, now=now, days=DAYS),
            note=_("As the record tells; the last seconds may be missing."),
        )  # fmt: skip
        states, estimated = statistics.messages_by_state(tenant=tenant)
        words = {state: str(MESSAGE_STATES[state.label].word) for state, _number in states}
        yield chart(
            name="states", title=_("Messages, by state"), head=_("State"),
            figures=[(words[state], number) for state, number in states], estimated=[words[state] for state in estimated],
        )  # fmt: skip
    if "list" in opened:
        found = statistics.findings_by_type(principal=principal, purpose=purpose, now=now)
        if found is not None:
            yield chart(
                name="findings", title=_("Findings, by type"), head=_("Type"), figures=found,
                note=_("In the newest %(count)s conversations that are open to you for the purpose of reading.")
                % {"count": statistics.NEWEST},
            )  # fmt: skip
    if opened & {"read_audit", "release_statistics"}:
        yield chart(
            name="openings", title=_("Openings in 30 days, by purpose"), head=_("Purpose"),
            note=_("Without those of workers."),
            figures=statistics.openings_by_purpose(tenant=tenant, now=now, days=MONTH, whole="read_audit" in opened),
        )  # fmt: skip
    if opened & REFUSED:
        yield chart(
            name="refusals", title=_("Refusals in 30 days, by code"), head=_("Code"), figures=_refusals(principal, now)
        )


def _refusals(principal: Principal, now: datetime) -> list[tuple[str, int | None]]:
    """Return how often each code was answered; they are about those who asked, not about whom chats are written."""
    numbers: dict[str, int] = {}
    with tenant_scope(principal.tenant_id):
        for _hour, code, number in told(tenant=principal.tenant_id, kind=REFUSALS, since=now - timedelta(days=MONTH)):
            numbers[code] = numbers.get(code, 0) + number
    return [(code, numbers[code]) for code in sorted(numbers, key=lambda code: (-numbers[code], code))]
