"""The way in for whoever has lost the provider: a one-time link that an operator makes on the machine.

It opens the account once, within ten minutes, for an hour, and only where people sign in by the provider alone; a second
factor that the account has is asked for as ever. Making it and using it are on the record.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from governance.audit.canonical import SYSTEM
from governance.audit.recording import record_now
from governance.conf.settings import vault_settings
from governance.identity.models import User
from governance.web.explanations import told
from governance.web.federation.errors import FederationRefused

LINK_SECONDS: Final = 600
SESSION_SECONDS: Final = 3600
METHOD: Final = "break_glass"
_SALT: Final = "threadvault.break-glass"


class EmergencyRefused(FederationRefused):
    """A way around the provider is not needed, or the link is not good (any more)."""

    code = "federation.emergency"


class _Marks(PasswordResetTokenGenerator):
    """A mark of the account as it is now; a sign-in changes it, so a link works once."""

    key_salt = "threadvault.break-glass.mark"


def open_link(*, user: User, actor: Mapping[str, str]) -> str:
    """Record that `user` is let in around the provider, and return the path that does it.

    Raises EmergencyRefused where people sign in by other ways, or the account cannot.
    """
    if not vault_settings().sso_only:
        raise EmergencyRefused("People sign in by other ways too; make a link for a password: manage.py accounts link.")
    if user.kind != User.Kind.PERSON or not user.is_active:
        raise EmergencyRefused("A service account signs in nowhere, nor does one that is disabled.")
    record_now(tenant=SYSTEM, event="signin.break_glass", **actor, member=str(user.id))
    ticket = signing.dumps([str(user.id), _Marks().make_token(user)], salt=_SALT)
    return reverse("break_glass", kwargs={"ticket": ticket})


@require_http_methods(["GET", "POST"])
def enter(request: HttpRequest, ticket: str) -> HttpResponseBase:
    """Show what the link opens, so that a mail scanner does not use it up; a POST signs in."""
    try:
        user = _user_of(ticket)
    except EmergencyRefused as error:
        context = {"text": told(error.code, str(error)), "code": error.code}
        return render(request, "account/federation_refused.html", context, status=403)
    if request.method == "GET":
        return render(request, "account/break_glass.html", {"name": user.username})
    record_authentication(request, user, method=METHOD)
    answer: HttpResponseBase = perform_login(request, user, email_verification="none", redirect_url="/")
    return answer


def _user_of(ticket: str) -> User:
    if not vault_settings().sso_only:
        raise EmergencyRefused("This link is not good any more.")
    try:
        identifier, mark = signing.loads(ticket, salt=_SALT, max_age=LINK_SECONDS)
    except signing.BadSignature:
        raise EmergencyRefused("This link is not good any more.") from None
    user = User.objects.filter(id=identifier, kind=User.Kind.PERSON, is_active=True).first()
    if user is None or not _Marks().check_token(user, mark):
        raise EmergencyRefused("This link is not good any more.")
    return user


def is_running(records: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a session that began by such a link may go on."""
    return any(record.get("method") == METHOD and time.time() - record["at"] < SESSION_SECONDS for record in records)
