"""Conversations: the list, and the redacted transcript."""

from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from governance.access.authorising import is_fresh
from governance.console.gates import choices_of, current_time, page, purpose_of, set_purpose
from governance.console.inert import plain
from governance.console.transcripts import shown_messages, title_of
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.vault.listing import Listed, list_conversations
from governance.vault.models import State
from governance.vault.reading import read_conversation
from governance.vault.records import OpenedConversation
from governance.web.second_factor import factors_of
from governance.web.sessions import principal_of

PAGE: Final = 50


@require_POST
@page()
def choose_purpose(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Keep the purpose for which the person reads in this session."""
    set_purpose(request, principal, request.POST.get("purpose", ""))
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
    context: dict[str, Any] = {"title": "Conversations", "lines": [_line(one) for one in found], "older": older, **chosen}
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
    context = {"title": title_of(opened.head) or "Conversation", "purpose": purpose_of(request)}
    return render(request, "console/transcript.html", context | transcript_context(request, principal, opened))


def after_of(request: HttpRequest) -> int:
    """Return the ordinal after which the page begins, -1 for the first page."""
    given = request.GET.get("after", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else -1  # noqa: PLR2004 - fits an integer


def factor_context(request: HttpRequest) -> dict[str, Any]:
    """Return what the form of a reveal says of the second factor: whether one is fresh, and which the person has."""
    fresh = is_fresh(principal_of(request), current_time())
    user = request.user
    return {"fresh": fresh, "factors": factors_of(user) if isinstance(user, User) and not fresh else ()}


def transcript_context(request: HttpRequest, principal: Principal, opened: OpenedConversation) -> dict[str, Any]:
    """Return what the transcript's template shows of an opened conversation."""
    messages, after = opened.messages, after_of(request)
    more = bool(messages) and messages[-1].ordinal + 1 < opened.total
    return {
        "conversation": opened,
        "messages_shown": shown_messages(messages),
        "waiting": sum(message.withheld.startswith("not scanned") for message in messages),
        **factor_context(request),
        "here": f"?after={after}" if after >= 0 else "",
        "later": f"?after={messages[-1].ordinal}" if more else "",
        **choices_of(principal),
    }
