"""What `TokenAuthentication` put on a request, with its types."""

from typing import cast

from rest_framework.request import Request

from governance.identity.models import User
from governance.identity.principals import Principal


def principal_of(request: Request) -> Principal:
    """Return who acts."""
    return cast("Principal", request.auth)


def user_of(request: Request) -> User:
    """Return the account behind the token."""
    return cast("User", request.user)


def body_of(request: Request) -> bytes:
    """Return the body as it arrived; the raw parser leaves it so, and is not asked where there is none."""
    data = cast("object", request.data)
    return data if isinstance(data, bytes) else b""
