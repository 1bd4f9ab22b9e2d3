"""The reveal: the source of one page, once, for a purpose and a reason, after a fresh second factor.

Nothing of it is kept: each reveal is a request of its own, decided, recorded and opened anew, and the page hides what
it shows after a minute.
"""

from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from governance.console.acting import Sheet, act
from governance.console.conversations import after_of, transcript_context
from governance.console.forms import LONGEST_REASON, RevealForm
from governance.console.gates import choices_of, current_time, purpose_of
from governance.console.transcripts import title_of
from governance.identity.principals import Principal
from governance.vault.reading import read_conversation

SECONDS_SHOWN: Final = 60
_GRACE_SECONDS: Final = 5


def _sheet(request: HttpRequest, principal: Principal, conversation_id: UUID) -> Sheet:
    """Return the page that asks again; it opens nothing."""
    back, here = reverse("console:conversation", args=[conversation_id]), _here(request)
    more: dict[str, Any] = {
        "conversation_id": conversation_id,
        "given": request.POST.get("reason", "")[:LONGEST_REASON],
        "purpose": request.POST.get("purpose", "") or purpose_of(request),
        "here": here,
        "factor_next": f"{back}{here}",
        **choices_of(principal),
    }
    title = _("Reveal the source")
    return Sheet(title=title, button=title, back=back, grave=True, template="console/reveal.html", more=more)


@act(events=("grant.opened",), form=RevealForm, factor_for="read_source", sheet=_sheet, asks=False)
def reveal(request: HttpRequest, principal: Principal, given: dict[str, Any], conversation_id: UUID) -> HttpResponseBase:
    """Show the source of a page once. Raises AccessDenied where policies say no."""
    purpose, reason = given["purpose"], given["reason"]
    opened = read_conversation(
        principal=principal,
        conversation_id=conversation_id,
        purpose=purpose,
        now=current_time(),
        view="source",
        reason=reason,
        after=after_of(request),
    )
    back = reverse("console:conversation", args=[conversation_id])
    context = {"title": title_of(opened.head) or _("Conversation"), "purpose": purpose, "revealed": True}
    context |= {"seconds": SECONDS_SHOWN, "back": back, "reason": reason}
    context |= transcript_context(request, principal, opened)
    response = render(request, "console/transcript.html", context)
    response["Refresh"] = f"{SECONDS_SHOWN + _GRACE_SECONDS}; url={back}{context['here']}"  # Where no script runs.
    return response


def _here(request: HttpRequest) -> str:
    after = after_of(request)
    return f"?after={after}" if after >= 0 else ""
