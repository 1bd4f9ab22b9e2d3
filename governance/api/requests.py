"""What a request says, with its types: who acts by `TokenAuthentication`, the arguments of its body and its query."""

from datetime import UTC, datetime
from typing import Any, cast

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from governance.api.errors import DomainProblem
from governance.identity.models import User
from governance.identity.principals import Principal


def principal_of(request: Request) -> Principal:
    """Return who acts."""
    return cast("Principal", request.auth)


def current_time() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def user_of(request: Request) -> User:
    """Return the account behind the token."""
    return cast("User", request.user)


def arguments_of(request: Request, shape: type[Serializer]) -> dict[str, Any]:
    """Return the checked arguments of the body. Raises ValidationError, which names each fault and its place."""
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    return cast("dict[str, Any]", given.validated_data)


def flag(request: Request, name: str) -> bool:
    """Return whether the query says `name=true`. Raises DomainProblem for what is neither true nor false."""
    given = request.query_params.get(name, "false")
    if given not in {"true", "false"}:
        raise DomainProblem(code="query.value", text=_("%s is true or false.") % name)
    return given == "true"


def body_of(request: Request) -> bytes:
    """Return the body as it arrived; the raw parser leaves it so, and is not asked where there is none."""
    data = cast("object", request.data)
    return data if isinstance(data, bytes) else b""
