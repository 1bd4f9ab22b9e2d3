"""Who can read this, and why can I not: asked where the question comes up, answered by the evaluator that decides.

What somebody asks about himself leaves no entry; who asks about others is on the record before the answer.
"""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.console.acting import act
from governance.console.gates import current_time, page
from governance.console.policy_words import explained
from governance.identity.principals import Principal
from governance.vault.explaining import explain_refusal, who_can_read, why_not_act_of_mine, why_not_me

_OWN: Final = "It explains to somebody his own refusal, and opens nothing."


class WhyForm(forms.Form):
    """What was asked of a conversation, and for which purpose; a purpose stands in no address."""

    action = forms.ChoiceField(choices=[(one, one) for one in CONTENT_ACTIONS])
    purpose = forms.CharField(max_length=64)


class WhyActForm(forms.Form):
    """The act that was refused."""

    action = forms.ChoiceField(choices=[(one, one) for one in TENANT_ACTIONS])


@require_GET
@page(action="explain")
def readers(request: HttpRequest, principal: Principal, conversation_id: UUID) -> HttpResponseBase:
    """Show everybody who may open the conversation now: for what, which view, until when, by which policies."""
    found = who_can_read(principal=principal, conversation_id=conversation_id, now=current_time())
    title = _("Who can read this conversation")
    context = {"title": title, "readers": found, "conversation_id": conversation_id}
    return render(request, "console/readers.html", context)


@act(no_event=_OWN, form=WhyForm)
def why(request: HttpRequest, principal: Principal, given: dict[str, Any], conversation_id: UUID) -> HttpResponseBase:
    """Show what stands between the person and a conversation."""
    found = why_not_me(principal=principal, conversation_id=conversation_id, **given, now=current_time())
    facts = [
        (_("Action"), _(given["action"])),
        (_("Purpose"), _(given["purpose"])),
        (_("Conversation"), str(conversation_id)),
    ]
    context = {"title": _("Why can I not?"), "found": explained(found), "facts": facts, "back": reverse("console:index")}
    return render(request, "console/explanation.html", context)


@act(no_event=_OWN, form=WhyActForm)
def why_act(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Show what stands between the person and an act on the tenant."""
    found = why_not_act_of_mine(principal=principal, action=given["action"], now=current_time())
    context = {"title": _("Why can I not?"), "found": explained(found), "facts": [(_("Action"), _(given["action"]))]}
    return render(request, "console/explanation.html", {**context, "back": reverse("console:index")})


@require_GET
@page()
def entry(request: HttpRequest, principal: Principal, sequence: int) -> HttpResponseBase:
    """Explain a recorded request by the policies of today."""
    found = explain_refusal(principal=principal, sequence=sequence, now=current_time())
    context = {"title": _("Why was entry %(number)s decided so?") % {"number": sequence}, "found": explained(found)}
    context |= {"facts": [(_("Entry"), f"#{sequence}")], "back": reverse("console:audit"), "today": True}
    return render(request, "console/explanation.html", context)
