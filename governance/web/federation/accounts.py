"""Whom a provider's person is here: a new account at the first sign-in, the same one after; roles as the groups say."""

from datetime import UTC, datetime
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.identity.federating import create_federated, follow_groups
from governance.identity.models import Tenant, User
from governance.web.explanations import told
from governance.web.federation.directory import configured
from governance.web.federation.errors import FederationRefused, Misconfigured, NoRole
from governance.web.federation.fetching import GuardedSession
from governance.web.federation.provider import DirectoryProvider, app_of, directory
from governance.web.sign_in_events import refused
from governance.web.statuses import status_of


class DirectoryAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Where allauth asks what an installation wants of accounts that come from elsewhere."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        found = configured()
        return [] if found is None else [app_of(found)]

    def get_provider(self, request: HttpRequest, provider: Any, client_id: Any = None) -> DirectoryProvider:
        return DirectoryProvider(request, app_of(directory()))

    def get_requests_session(self) -> GuardedSession:
        return GuardedSession(directory())

    def on_authentication_error(self, request: HttpRequest, provider: Any, **given: Any) -> None:
        """Answer with our own page: what the provider or its answer said is not shown. Raises ImmediateHttpResponse."""
        error = given.get("exception")
        known = error if isinstance(error, FederationRefused) else FederationRefused("The provider did not sign you in.")
        raise ImmediateHttpResponse(refusal(request, known))

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let roles follow the groups of somebody who is known here, and send away who has none.

        Raises ImmediateHttpResponse, with the refusal on the record.
        """
        user = sociallogin.user if sociallogin.is_existing else None
        try:
            roles = directory().roles_for(sociallogin.groups)
            if user is not None and user.is_active:
                follow_groups(tenant=_tenant(), user=user, roles=roles, now=datetime.now(UTC))
            if not roles:
                raise NoRole("No group of yours has a role here. Ask whoever gives groups in your directory.")
        except FederationRefused as error:
            raise ImmediateHttpResponse(refusal(request, error, user)) from None

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Whoever comes this far has a role: the hook above is asked first."""
        return True

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def can_authenticate_by_email(self, login: Any, email: str) -> bool:
        return False

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """Make the account and tie it, then give its roles. Raises ImmediateHttpResponse where another attempt just did."""
        try:
            tenant = _tenant()
            user = _tied(sociallogin)
        except FederationRefused as error:
            raise ImmediateHttpResponse(refusal(request, error)) from None
        roles = directory().roles_for(sociallogin.groups)
        follow_groups(tenant=tenant, user=user, roles=roles, now=datetime.now(UTC))
        return user


def _tied(sociallogin: Any) -> User:
    try:
        with transaction.atomic():
            user = create_federated(wanted=sociallogin.wanted_name)
            sociallogin.account.user = sociallogin.user = user
            sociallogin.account.save()
    except IntegrityError:
        raise FederationRefused("This account was made a moment ago; sign in again.") from None
    return user


def _tenant() -> Tenant:
    tenant = Tenant.objects.filter(slug=directory().tenant).first()
    if tenant is None:
        raise Misconfigured("There is no tenant of the name in THREADVAULT_OIDC_TENANT.")
    return tenant


def is_tied(user: User) -> bool:
    """Return whether the account came from the provider that is set now."""
    found = configured()
    return found is not None and SocialAccount.objects.filter(user=user, provider=found.issuer).exists()


def refusal(request: HttpRequest, error: FederationRefused, user: User | None = None) -> HttpResponse:
    """Record that a sign-in by the provider came to nothing, and return the page that says so."""
    refused(user, why=error.code)
    status = status_of(error.code)
    return render(
        request, "account/federation_refused.html", {"text": told(error.code, str(error)), "code": error.code}, status=status
    )
