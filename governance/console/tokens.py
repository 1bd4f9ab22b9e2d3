"""API tokens: one's own, and everybody's for whoever manages them; make one, revoke one.

A new token is on the page that answers the form, and nowhere else: no cookie, no notice, no address, and no copy of it is
kept. Every answer of the console forbids caches to keep it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from governance.access import credentials, membership
from governance.access.purposes import purposes_of
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.console.acting import Sheet, act, done
from governance.console.gates import current_time, open_actions, page
from governance.console.inert import spelled
from governance.console.policy_forms import NamesField
from governance.console.words import TOKEN_STATES, Status
from governance.identity.models import ApiToken, User
from governance.identity.principals import Principal
from governance.identity.tokens import LONGEST_LIFE

PAGE: Final = 100
MANAGE: Final = "manage_tokens"


class TokenForm(forms.Form):
    """A new token: for whom, its name, how long it lives, and what narrows it."""

    user = forms.UUIDField(label=gettext_lazy("For"), required=False)
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=255, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("What it is for, so that somebody else knows what ends when it is revoked."),
    )  # fmt: skip
    days = forms.IntegerField(
        label=gettext_lazy("Days that it lives"), min_value=1, max_value=LONGEST_LIFE.days, initial=90
    )  # fmt: skip
    scopes = NamesField(
        label=gettext_lazy("Only these actions; none means all that its holder may"), required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(one, gettext_lazy(one)) for one in (*CONTENT_ACTIONS, *TENANT_ACTIONS)],
    )  # fmt: skip
    purposes = NamesField(
        label=gettext_lazy("Only these purposes; none means all"), required=False, widget=forms.CheckboxSelectMultiple
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenLine:
    """A token as the list shows it, without its secret, which nobody keeps."""

    token: ApiToken
    status: Status
    live: bool


def _line(token: ApiToken, now: datetime) -> TokenLine:
    state = "revoked" if token.revoked_at else "expired" if token.expires_at <= now else "live"
    return TokenLine(token, TOKEN_STATES[state], live=state == "live")


@require_GET
@page()
def token_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the person's tokens, newest first; everybody's where somebody who manages them asks for those."""
    everybody, now = request.GET.get("everybody") == "1", current_time()
    before = _uuid(request.GET.get("before", ""))
    found = credentials.tokens(principal=principal, everybody=everybody, now=now, before=before, limit=PAGE)
    asked = {"everybody": "1"} if everybody else {}
    context = {
        "title": _("API tokens"),
        "lines": [_line(token, now) for token in found],
        "everybody": everybody,
        "manages": MANAGE in open_actions(request),
        "newest": before is not None,
        "older": urlencode({**asked, "before": found[-1].id}) if len(found) == PAGE else "",
    }
    return render(request, "console/tokens.html", context)


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _back() -> str:
    return reverse("console:tokens")


def _make_sheet(request: HttpRequest, principal: Principal) -> Sheet:
    opened = open_actions(request)
    others = membership.members(principal=principal, now=current_time()) if opened >= {MANAGE, "manage_members"} else []
    return Sheet(
        title=_("Make a token"),
        button=_("Make the token"),
        back=_back(),
        lead=_("It is shown once, on the next page; only its digest is kept. Whoever has it acts as its holder."),
        template="console/token_make.html",
        more={
            "members": [one for one in others if one.active and one.kind == User.Kind.SERVICE],
            "all_purposes": [one.code for one in purposes_of(principal.tenant_id)],
        },
    )


@act(events=("token.created",), form=TokenForm, factor_for=MANAGE, sheet=_make_sheet)
def make(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Make a token and show it, once."""
    made = credentials.make_token(
        principal=principal,
        user_id=given["user"],
        name=given["name"],
        life=timedelta(days=given["days"]),
        scopes=frozenset(given["scopes"]),
        purposes=frozenset(given["purposes"]),
        now=current_time(),
    )
    context = {"title": _("The token is made"), "token": made.token, "plain": made.plain}
    return render(request, "console/token_made.html", context)


def _revoke_sheet(request: HttpRequest, principal: Principal, token_id: UUID) -> Sheet:
    token = credentials.token_of(principal=principal, token_id=token_id, now=current_time())
    used = f"{token.last_used_at:%Y-%m-%d %H:%MZ}" if token.last_used_at else _("never")
    facts = [
        (_("Name"), spelled(token.name)),
        (_("Begins with"), f"tv_{token.prefix}_"),
        (_("Holder"), token.user.username),
        (_("Last used"), used),
    ]
    return Sheet(
        title=_("Revoke a token"),
        button=_("Revoke it"),
        back=_back(),
        lead=_("Whatever uses it is refused from the next request on. A revoked token is not given back."),
        facts=facts,
        grave=True,
    )


@act(events=("token.revoked",), factor_for=MANAGE, sheet=_revoke_sheet)
def revoke(request: HttpRequest, principal: Principal, given: dict[str, Any], token_id: UUID) -> HttpResponseBase:
    """Revoke a token at once."""
    credentials.end_token(principal=principal, token_id=token_id, now=current_time())
    return done(request, _("The token is revoked."), _back())
