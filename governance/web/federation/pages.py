"""The two addresses of signing in by the provider: where it begins, and to where the provider sends people back."""

from typing import Any

from allauth.account.internal.decorators import login_not_required
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from governance.conf.settings import vault_settings
from governance.web.accounts import too_many
from governance.web.federation.accounts import refusal
from governance.web.federation.directory import configured
from governance.web.federation.errors import FederationRefused
from governance.web.federation.provider import DirectoryAdapter
from governance.web.limits import LimiterAway, TooMany, client_address, count


class _Callback(OAuth2CallbackView):  # type: ignore[misc]
    """allauth's, which keeps the state of the attempt for the check of the nonce."""

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


@require_POST
@login_not_required  # type: ignore[untyped-decorator]
def begin(request: HttpRequest) -> HttpResponseBase:
    """Lead to the provider. The answer is a page that goes on by itself: a form may not lead to another host (CSP)."""
    try:
        if configured() is None:
            raise Http404
        given = vault_settings()
        count("oidc", client_address(request), most=given.signin_tries_per_address, seconds=given.signin_window_seconds)
        answer: HttpResponseBase = OAuth2LoginView.adapter_view(DirectoryAdapter(request))(request)
    except TooMany as many:
        return too_many(request, 429, many.wait)
    except LimiterAway:
        return too_many(request, 503, 5)
    except FederationRefused as error:
        return refusal(request, error)
    if not answer.has_header("Location"):
        return answer
    return render(request, "account/leading_on.html", {"to": answer["Location"]})


@require_GET
@login_not_required  # type: ignore[untyped-decorator]
def callback(request: HttpRequest) -> HttpResponseBase:
    """Take whom the provider sends back."""
    try:
        if configured() is None:
            raise Http404
        answer: HttpResponseBase = _Callback.adapter_view(DirectoryAdapter(request))(request)
    except FederationRefused as error:
        return refusal(request, error)
    return answer


@require_GET
def again(request: HttpRequest) -> HttpResponseBase:
    """Ask somebody who has no factor yet to come from the provider anew, before one is set."""
    if not request.user.is_authenticated or configured() is None:
        raise Http404
    to = get_next_redirect_url(request) or "/"
    return render(request, "account/again.html", {"next": to}, status=403)
