"""Conversations: the list, and the redacted transcript."""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.console.acting import act
from governance.console.factors import factor_context
from governance.console.forms import PurposeForm
from governance.console.gates import choices_of, current_time, open_actions, page, purpose_of, set_purpose
from governance.console.inert import plain
from governance.console.marks import tips_of
from governance.console.transcripts import shown_messages, title_of
from governance.identity.principals import Principal
from governance.vault.listing import Listed, list_conversations
from governance.vault.models import State
from governance.vault.reading import read_conversation
from governance.vault.records import OpenedConversation

PAGE: Final = 50


@act(no_event="It changes the person's own session and nothing else.", form=PurposeForm)
def choose_purpose(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Keep the purpose for which the person reads in this session."""
    set_purpose(request, principal, given["purpose"])
    return redirect("console:conversations")


@require_GET
@page()
def conversation_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the newest conversations with redacted titles."""
    chosen = {"collection": request.GET.get("collection", "").replace("\0", ""), "state": request.GET.get("state", "")}
    before = _uuid(request.GET.get("before", ""))
    found = list_conversations(
        principal=principal,
        purpose=purpose_of(request),
        now=current_time(),
        collection=chosen["collection"],
        state=next((state for state in State if state.label == chosen["state"]), None),
        before=before,
        limit=PAGE,
    )
    filters = {name: value for name, value in chosen.items() if value}
    older = urlencode({**filters, "before": found[-1].id}) if len(found) == PAGE else ""
    context: dict[str, Any] = {"title": _("Conversations"), "lines": [_line(one) for one in found], "older": older, **chosen}
    context |= {"states": State.labels, "newest": before is not None, "filtered": bool(filters)}
    context |= {"purpose": purpose_of(request)}
    return render(request, "console/conversations.html", {**context, **choices_of(principal)})


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _line(listed: Listed) -> dict[str, Any]:
    return {"listed": listed, "title": plain(title_of(listed.head))}


@require_GET
@page()
def transcript(request: HttpRequest, principal: Principal, conversation_id: UUID) -> HttpResponseBase:
    """Show one conversation, redacted."""
    opened = read_conversation(
        principal=principal,
        conversation_id=conversation_id,
        purpose=purpose_of(request),
        now=current_time(),
        after=after_of(request),
    )
    context = {"title": title_of(opened.head) or _("Conversation"), "purpose": purpose_of(request)}
    return render(request, "console/transcript.html", context | transcript_context(request, principal, opened))


def after_of(request: HttpRequest) -> int:
    """Return the ordinal after which the page begins, -1 for the first page."""
    given = request.GET.get("after", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else -1  # noqa: PLR2004 - fits an integer


def transcript_context(request: HttpRequest, principal: Principal, opened: OpenedConversation) -> dict[str, Any]:
    """Return what the transcript's template shows of an opened conversation."""
    messages, after = opened.messages, after_of(request)
    more = bool(messages) and messages[-1].ordinal + 1 < opened.total
    return {
        "conversation": opened,
        "messages_shown": shown_messages(messages, tips_of(principal, opened)),
        "explains": "explain" in open_actions(request),
        "corrects": "manage_requests" in open_actions(request),
        "waiting": sum(message.withheld.startswith("not scanned") for message in messages),
        **factor_context(request),
        "here": f"?after={after}" if after >= 0 else "",
        "factor_next": reverse("console:conversation", args=[opened.id]) + (f"?after={after}" if after >= 0 else ""),
        "later": f"?after={messages[-1].ordinal}" if more else "",
        **choices_of(principal),
    }
