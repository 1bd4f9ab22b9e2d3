"""Why somebody whom a provider sent is not signed in. No text holds a token, a claim or an answer of the provider."""

from allauth.socialaccount.providers.oauth2.client import OAuth2Error


class FederationRefused(OAuth2Error):  # type: ignore[misc]
    """What the provider, or the browser that came from it, said is not believed."""

    code = "federation.refused"


class NoRole(FederationRefused):
    """The provider knows the person, and no group of theirs has a role here."""

    code = "federation.no_role"


class ProviderAway(FederationRefused):
    """The provider does not answer, or not as the standard says."""

    code = "federation.away"


class Misconfigured(FederationRefused):
    """A setting of the provider is missing or cannot be one."""

    code = "federation.misconfigured"
