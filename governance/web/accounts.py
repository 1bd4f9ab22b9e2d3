"""How allauth makes accounts and keeps second factors."""

from base64 import b64decode, b64encode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from governance.keys.providers import root_provider

_CONTEXT = {"use": "second-factor"}


class ClosedAccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: an officer makes accounts (`manage.py members add`)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SealedMFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of second factors lie in the database wrapped by the root key."""

    def encrypt(self, text: str) -> str:
        return b64encode(root_provider().wrap(text.encode(), _CONTEXT)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return root_provider().unwrap(b64decode(encrypted_text), _CONTEXT).decode()
