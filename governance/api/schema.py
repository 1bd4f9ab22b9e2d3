"""What the OpenAPI file says of authentication, and of arguments: a member that is not declared is refused."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer token of this installation."""

    target_class = "governance.web.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the security scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "tv_<prefix>_<secret>"}


class StrictShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The shape of arguments has no further members."""

    target_class = "governance.api.governing_serializers.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the shape, closed."""
        shape: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001 - as the library documents it
        return {**shape, "additionalProperties": False}
