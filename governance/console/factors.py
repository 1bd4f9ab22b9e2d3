"""The second factor of a form: whether one is fresh, which the person has, and the check of a code."""

from collections.abc import Sequence
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.utils.translation import gettext as _

from governance.access.authorising import is_fresh, record_refusal
from governance.access.errors import AccessDenied
from governance.console.gates import current_time
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.web.explanations import told
from governance.web.second_factor import SecondFactorRefused, check_code, factors_of
from governance.web.sessions import principal_of
from governance.web.statuses import status_of


class AskAgain(Exception):
    """The form lacks something; the text says what, the status is that of the answer."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def factor_context(request: HttpRequest) -> dict[str, Any]:
    """Return what a form says of the second factor: whether one is fresh, and which the person has."""
    fresh = is_fresh(principal_of(request), current_time())
    user = request.user
    return {"fresh": fresh, "factors": factors_of(user) if isinstance(user, User) and not fresh else ()}


def show_factor(request: HttpRequest, principal: Principal, *, action: str, purpose: str, scope: Sequence[str]) -> None:
    """Check the form's code where none was shown lately, and keep in the session that one was.

    A wrong code is a refusal like others, and goes on the record under `action`, `purpose` and `scope`. Raises AskAgain.
    """
    user = request.user
    if is_fresh(principal, current_time()) or not isinstance(user, User):
        return
    if not request.POST.get("code", "").strip():
        raise AskAgain(_("Show your second factor: the six digits of your authenticator app."), 403)
    try:
        check_code(user=user, code=request.POST["code"])
    except SecondFactorRefused as refusal:
        denied = AccessDenied(refusal.code, str(refusal))
        record_refusal(principal=principal, refusal=denied, action=action, purpose=purpose, scope=list(scope))
        raise AskAgain(told(refusal.code, str(refusal)), status_of(refusal.code)) from None
    record_authentication(request, user, method="mfa", type="totp", reauthenticated=True)
