"""The reveal: the source of one page, once, for a purpose and a reason, after a fresh second factor.

Nothing of it is kept: each reveal is a request of its own, decided, recorded and opened anew, and the page hides what
it shows after a minute.
"""

from typing import Any, Final
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from governance.access.authorising import is_fresh, record_refusal
from governance.access.errors import AccessDenied
from governance.console.conversations import after_of, factor_context, transcript_context
from governance.console.gates import choices_of, current_time, page, purpose_of
from governance.console.transcripts import title_of
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.vault.reading import read_conversation
from governance.web.second_factor import SecondFactorRefused, check_code
from governance.web.sessions import principal_of
from governance.web.statuses import status_of

SECONDS_SHOWN: Final = 60
_GRACE_SECONDS: Final = 5
_LONGEST_REASON: Final = 500


class AskAgain(Exception):
    """The form lacks something; the text says what, the status is that of the answer."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@require_POST
@page()
def reveal(request: HttpRequest, principal: Principal, conversation_id: UUID) -> HttpResponseBase:
    """Show the source of a page once. Raises AccessDenied where policies say no."""
    purpose = request.POST.get("purpose", "")
    try:
        reason = _reason(request)
        _second_factor(request, principal, conversation_id)
    except AskAgain as problem:
        return _form(request, principal, conversation_id, problem)
    opened = read_conversation(
        principal=principal_of(request),
        conversation_id=conversation_id,
        purpose=purpose,
        now=current_time(),
        view="source",
        reason=reason,
        after=after_of(request),
    )
    back = reverse("console:conversation", args=[conversation_id])
    context = {"title": title_of(opened.head) or "Conversation", "purpose": purpose, "revealed": True}
    context |= {"seconds": SECONDS_SHOWN, "back": back, "reason": reason}
    context |= transcript_context(request, principal, opened)
    response = render(request, "console/transcript.html", context)
    response["Refresh"] = f"{SECONDS_SHOWN + _GRACE_SECONDS}; url={back}{context['here']}"  # Where no script runs.
    return response


def _reason(request: HttpRequest) -> str:
    reason = " ".join(request.POST.get("reason", "").split())
    if not reason:
        raise AskAgain("Say why the source is needed; the reason is kept with the record.", 400)
    if len(reason) > _LONGEST_REASON or not reason.isprintable():
        raise AskAgain(f"Give the reason in at most {_LONGEST_REASON} printable characters.", 400)
    return reason


def _second_factor(request: HttpRequest, principal: Principal, conversation_id: UUID) -> None:
    """Check the form's code where none was shown lately, and keep in the session that one was.

    A wrong code is a refusal like others, and goes on the record.
    """
    user = request.user
    if is_fresh(principal, current_time()) or not isinstance(user, User):
        return
    if not request.POST.get("code", "").strip():
        raise AskAgain("Show your second factor: the six digits of your authenticator app.", 403)
    try:
        check_code(user=user, code=request.POST["code"])
    except SecondFactorRefused as refusal:
        record_refusal(
            principal=principal,
            refusal=AccessDenied(refusal.code, str(refusal)),
            action="read_source",
            purpose=request.POST.get("purpose", ""),
            scope=[str(conversation_id)],
        )
        raise AskAgain(str(refusal), status_of(refusal.code)) from None
    record_authentication(request, user, method="mfa", type="totp", reauthenticated=True)


def _form(request: HttpRequest, principal: Principal, conversation_id: UUID, problem: AskAgain) -> HttpResponseBase:
    """Ask again, on a page that opens nothing."""
    after = after_of(request)
    context: dict[str, Any] = {
        "title": "Reveal the source",
        "conversation_id": conversation_id,
        "problem": str(problem),
        "given": request.POST.get("reason", "")[:_LONGEST_REASON],
        "purpose": request.POST.get("purpose", "") or purpose_of(request),
        **factor_context(request),
        "here": f"?after={after}" if after >= 0 else "",
        **choices_of(principal),
    }
    return render(request, "console/reveal.html", context, status=problem.status)
