"""allauth's openid_connect as it is used here. What this adds to it:

- the provider is the one of the settings; no row of the database is one, and no request names scopes or parameters;
- a nonce goes out with each attempt and comes back in the ID token, whose signature is checked (allauth trusts TLS alone);
- nobody ties a provider's person to the account that is signed in: the flow signs in, whatever `process` a link names;
- of what the provider says the subject and the groups are used; neither address nor token nor claims are kept.
"""

import secrets
from datetime import UTC, datetime
from typing import Any, Final

from allauth.socialaccount.models import SocialApp, SocialToken
from allauth.socialaccount.providers.base import AuthProcess
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from governance.web.federation.directory import Directory, configured
from governance.web.federation.errors import FederationRefused, Misconfigured
from governance.web.federation.fetching import discover, keys_of
from governance.web.federation.id_tokens import groups_of, read_id_token

KIND: Final = "openid_connect"


def directory() -> Directory:
    """Return the provider of the settings. Raises Misconfigured."""
    found = configured()
    if found is None:
        raise Misconfigured("No provider is set: THREADVAULT_OIDC_ISSUER.")
    return found


class DirectoryAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """The protocol's side: addresses, the exchange of the code, and what is believed of the answer."""

    def __init__(self, request: HttpRequest) -> None:
        self.directory = directory()
        self.state: dict[str, Any] = {}
        super().__init__(request, self.directory.issuer)

    @property
    def openid_config(self) -> dict[str, Any]:
        """The provider's description of itself, asked once a request. Raises ProviderAway."""
        if not hasattr(self, "_openid_config"):
            self._openid_config = discover(self.directory)
        return self._openid_config

    def get_provider(self) -> "DirectoryProvider":
        """Return the provider of the settings."""
        return DirectoryProvider(self.request, app_of(self.directory))

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Return the address to which the provider sends people back."""
        return request.build_absolute_uri(reverse("oidc_callback"))

    def get_access_token_data(self, *args: Any, **kwargs: Any) -> Any:
        """Exchange the code. Raises FederationRefused for an answer that is none."""
        try:
            return super().get_access_token_data(*args, **kwargs)
        except (KeyError, ValueError, TypeError):
            raise FederationRefused("The provider's answer to the code is none.") from None

    def parse_token(self, data: Any) -> SocialToken:
        """Return an empty token: nothing is asked of the provider in a person's name."""
        return SocialToken()

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> Any:
        """Return the login that the ID token stands for. Raises FederationRefused."""
        claims = read_id_token(
            kwargs["response"].get("id_token"),
            keys=keys_of(self.directory, self.openid_config["jwks_uri"]),
            directory=self.directory,
            nonce=str(self.state.get("nonce", "")),
            now=datetime.now(UTC),
            fresh=bool(self.state.get("fresh")),
        )
        login = self.get_provider().sociallogin_from_response(request, claims)
        login.groups = groups_of(claims, self.directory.groups_claim)
        login.wanted_name = str(claims.get("preferred_username", ""))
        return login


class DirectoryProvider(OpenIDConnectProvider):  # type: ignore[misc]
    """The provider's side: where an attempt begins, and which claims are read."""

    oauth2_adapter_class = DirectoryAdapter

    def get_oauth2_adapter(self, request: HttpRequest) -> DirectoryAdapter:
        return DirectoryAdapter(request)

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Take nothing from the request but where to go afterwards, which allauth holds to this host."""
        given = super().get_redirect_from_request_kwargs(request)
        return {"process": AuthProcess.LOGIN, "next_url": given.get("next_url")}

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **kwargs: Any
    ) -> HttpResponseBase:
        """Begin an attempt, with a nonce of its own; a `fresh` one has the provider ask anew who it is."""
        nonce, fresh = secrets.token_urlsafe(32), request.POST.get("fresh") == "1"
        params = {"nonce": nonce, **({"prompt": "login", "max_age": "0"} if fresh else {})}
        return super().redirect(  # type: ignore[no-any-return]
            request, process, next_url, auth_params=params, scope=self.app.settings["scope"], nonce=nonce, fresh=fresh
        )

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        return {}

    def extract_uid(self, data: Any) -> str:
        return str(data["sub"])

    def extract_common_fields(self, data: Any) -> dict[str, Any]:
        return {}

    def extract_email_addresses(self, data: Any) -> list[Any]:
        return []


def app_of(given: Directory) -> SocialApp:
    """Return allauth's form of the provider; accounts are tied by (issuer, subject)."""
    settings = {"server_url": given.issuer, "scope": list(given.scopes), "oauth_pkce_enabled": True}
    return SocialApp(
        provider=KIND, provider_id=given.issuer, name=KIND, client_id=given.client_id, secret=given.client_secret,
        settings=settings,
    )  # fmt: skip
