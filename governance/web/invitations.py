"""The one-time link by which a person chooses a password."""

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.urls import reverse

from governance.conf.settings import vault_settings
from governance.identity.models import User


def one_time_link(user: User) -> str:
    """Return the path where `user` chooses a password; it works once, and ends with PASSWORD_RESET_TIMEOUT.

    Nothing where people sign in by a provider alone: a password would open nothing.
    """
    if vault_settings().sso_only:
        return ""
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, _, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})


def whole_link(user: User, base: str) -> str:
    """Return that path behind the address where people reach the console; nothing where there is no such path."""
    path = one_time_link(user)
    return base.rstrip("/") + path if path else ""
