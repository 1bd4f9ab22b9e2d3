"""How allauth makes accounts and keeps second factors."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.conf.settings import vault_settings
from governance.keys.providers import root_provider, unwrap_by_any
from governance.web.limits import LimiterAway, TooMany, client_address, count, forget
from governance.web.sign_in_events import locked, signed_out

_CONTEXT = {"use": "second-factor"}


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: an officer makes accounts (`manage.py members add`)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that limits count by."""
        return client_address(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try, by account and by address, before any password is looked at."""
        typed, given = str(credentials.get("username", "")).casefold(), vault_settings()
        for kind, subject, most in (
            ("account", typed, given.signin_tries),
            ("address", client_address(request), given.signin_tries_per_address),
        ):
            try:
                count(f"signin-{kind}", subject, most=most, seconds=given.signin_window_seconds)
            except TooMany as refusal:
                if refusal.first:
                    locked(str(credentials.get("username", "")), by=kind)
                raise ImmediateHttpResponse(too_many(request, 429, refusal.wait)) from None
            except LimiterAway:
                raise ImmediateHttpResponse(too_many(request, 503, 5)) from None

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """A success begins the account's count anew; the address's goes on."""
        user = super().authenticate(request, **credentials)
        if user is not None:
            forget("signin-account", str(credentials.get("username", "")).casefold())
        return user


def too_many(request: HttpRequest, status: int, wait: int) -> HttpResponse:
    """Return the page that says to wait."""
    answer = render(request, "429.html", {"wait": wait, "status": status}, status=status)
    answer["Retry-After"] = str(wait)
    return answer


class RecordedSessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc]
    """Sessions that their person ends from another one are on the record, as a sign-out is."""

    def end_sessions(self, sessions: Iterable[Any]) -> None:
        for session in sessions:
            super().end_sessions([session])
            signed_out(session.user)


class SealedMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors lie in the database wrapped by the root key of their time, which is listed still."""

    def encrypt(self, text: str) -> str:
        return b64encode(root_provider().wrap(text.encode(), _CONTEXT)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return unwrap_by_any(b64decode(encrypted_text), _CONTEXT).decode()
