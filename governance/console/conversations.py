"""Conversations: the list, the transcript, and the reveal."""

from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from governance.access.errors import AccessDenied
from governance.access.granting import is_fresh
from governance.access.models import Purpose
from governance.console.gates import current_time, error_page, page
from governance.console.transcripts import shown
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.models import Collection
from governance.vault.reading import list_conversations, read_conversation
from governance.vault.records import OpenedConversation
from governance.web.second_factor import SecondFactorRefused, check_code
from governance.web.sessions import principal_of

PURPOSE_KEY = "threadvault_purpose"
PAGE = 50
SECONDS_SHOWN = 60


def _purpose(request: HttpRequest) -> str:
    return str(request.session.get(PURPOSE_KEY, "support"))


def _choices(principal: Principal) -> dict[str, Any]:
    with tenant_scope(principal.tenant_id):
        return {
            "purposes": list(Purpose.objects.exclude(code__in=["classification", "break_glass"])),
            "collections": list(Collection.objects.values_list("name", flat=True)),
        }


@require_POST
@page()
def choose_purpose(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Keep the purpose for which the person reads in this session."""
    request.session[PURPOSE_KEY] = request.POST.get("purpose", "support")[:64]
    return redirect("console:conversations")


@require_GET
@page()
def conversation_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the newest conversations with redacted titles."""
    collection = request.GET.get("collection", "")
    before = request.GET.get("before", "")
    lines = list_conversations(
        principal=principal,
        purpose=_purpose(request),
        now=current_time(),
        collection=collection,
        before=UUID(before) if before else None,
        limit=PAGE,
    )
    context = {"title": "Conversations", "lines": lines, "purpose": _purpose(request), "collection": collection}
    older = lines[-1].id if len(lines) == PAGE else None
    return render(request, "console/conversations.html", {**context, **_choices(principal), "older": older})


@require_GET
@page()
def transcript(request: HttpRequest, principal: Principal, conversation_id: UUID) -> HttpResponseBase:
    """Show one conversation, redacted."""
    opened = _read(principal, conversation_id, _purpose(request), view="redacted", after=_after(request))
    return render(request, "console/transcript.html", _context(request, principal, opened))


@require_POST
@page()
def reveal(request: HttpRequest, principal: Principal, conversation_id: UUID) -> HttpResponseBase:
    """Show the source of a page once: purpose, reason and a fresh second factor are needed."""
    purpose, reason = request.POST.get("purpose", ""), request.POST.get("reason", "").strip()
    if not reason:
        return _again(request, principal, conversation_id, "Say why the source is needed; the reason is kept.")
    try:
        if not is_fresh(principal, current_time()):
            _show_factor(request)
        opened = _read(principal_of(request), conversation_id, purpose, view="source", reason=reason, after=_after(request))
    except SecondFactorRefused as refusal:
        return _again(request, principal, conversation_id, str(refusal))
    except AccessDenied as refusal:
        return error_page(request, refusal.code, str(refusal))
    context = _context(request, principal, opened)
    return render(request, "console/transcript.html", {**context, "revealed": True, "seconds": SECONDS_SHOWN})


def _show_factor(request: HttpRequest) -> None:
    """Check the code of the form, and remember in the session that a second factor was shown."""
    user = request.user
    if isinstance(user, User):
        check_code(user=user, code=request.POST.get("code", ""))
        record_authentication(request, user, "mfa", reauthenticated=True)


def _after(request: HttpRequest) -> int:
    given = request.GET.get("after", "")
    return int(given) if given.isdigit() else -1


def _read(principal: Principal, conversation_id: UUID, purpose: str, **more: Any) -> OpenedConversation:
    return read_conversation(
        principal=principal, conversation_id=conversation_id, purpose=purpose, now=current_time(), **more
    )


def _again(request: HttpRequest, principal: Principal, conversation_id: UUID, problem: str) -> HttpResponseBase:
    opened = _read(principal, conversation_id, _purpose(request), view="redacted", after=_after(request))
    return render(
        request, "console/transcript.html", {**_context(request, principal, opened), "problem": problem}, status=400
    )


def _context(request: HttpRequest, principal: Principal, opened: OpenedConversation) -> dict[str, Any]:
    messages = opened.messages
    before = [None, *messages[:-1]] if messages else []
    head = opened.head.item if opened.head else {}
    last = messages[-1].ordinal if messages and messages[-1].ordinal + 1 < opened.total else None
    return {
        "title": head.get("title") or "Conversation",
        "conversation": opened,
        "head": head,
        "messages_shown": [shown(message, previous) for message, previous in zip(messages, before, strict=True)],
        "purpose": _purpose(request),
        "fresh": is_fresh(principal, current_time()),
        "back": reverse("console:conversation", args=[opened.id]),
        "next_after": last,
        **_choices(principal),
    }
