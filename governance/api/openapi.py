"""What the OpenAPI file says of all operations: the idempotency key, headers of limits, and answers that are problems."""

from typing import Any, Final

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="The same key and request are carried out once within 24 hours; a UUID is a good key.",
)
_ANSWERED: Final = [
    OpenApiParameter("RateLimit", str, OpenApiParameter.HEADER, response=True, description="How many calls are left."),
    OpenApiParameter("RateLimit-Policy", str, OpenApiParameter.HEADER, response=True, description="The limit of calls."),
]
_REPLAYED: Final = OpenApiParameter(
    "Idempotency-Replayed", str, OpenApiParameter.HEADER, response=True,
    description="`true` where the request with this key was carried out before.",
)  # fmt: skip
PROBLEM: Final = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is stable; `detail` is for people, in the language of Accept-Language.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_MEANINGS: Final = {
    "400": "A header, a parameter or the body is not as it must be.",
    "401": "The token is missing, unknown, revoked or expired.",
    "403": "Not allowed: by a policy, the purpose, the token, or for want of a fresh second factor.",
    "404": "There is no such thing in this tenant.",
    "406": "The answer has no form that the client takes.",
    "409": "It cannot be done in the state of now.",
    "412": "It is not as the ETag says any more.",
    "413": "The body is too large.",
    "415": "The body has a media type that is not taken.",
    "422": "The body is well written and says what cannot be done.",
    "428": "If-Match is missing.",
    "429": "Too many calls or tries; wait as long as Retry-After says.",
    "500": "What is sealed does not open, or a fault of the program; the answer says nothing of it.",
    "503": "The record, the keys or the database are away; nothing was done.",
}


class VaultSchema(AutoSchema):
    """Adds to each operation what its view shares with all others, and names it as people would."""

    def get_operation_id(self) -> str:
        """Return the name of the operation: `policies_apply` for `POST /policies/ID:apply`."""
        name = str(super().get_operation_id())
        if ":" not in name:
            return name
        return name.replace("_:", "_").replace(":", "_").replace("-", "_").removesuffix("_create")

    def get_tags(self) -> list[str]:
        """Return the group of the operation: `conversations` for `conversations:export`."""
        return [str(tag).partition(":")[0] for tag in super().get_tags()]

    def get_override_parameters(self) -> list[Any]:
        """Return the headers of requests and answers that no view declares itself."""
        declared: list[Any] = list(super().get_override_parameters())
        if not self.view.authentication_classes:
            return declared
        guarded = self.method == "POST" and getattr(getattr(self.view, "post", None), "once", False)
        return [*declared, *_ANSWERED, *([IDEMPOTENCY_KEY, _REPLAYED] if guarded else [])]


def _statuses(operation: dict[str, Any]) -> list[str]:
    """Return which problems an operation may be answered with."""
    named = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
    found = {"400", "401", "403", "406", "429", "500", "503"}
    if any(where == "path" for where, _ in named) or ("query", "cursor") in named or "requestBody" in operation:
        found |= {"404"}
    if "requestBody" in operation:
        found |= {"413", "415", "422"}
    if ("header", "Idempotency-Key") in named:
        found |= {"409", "415", "422"}
    if ("header", "If-Match") in named:
        found |= {"409", "412", "428"}
    return sorted(found)


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add to each operation by token the problems that it may be answered with (a post-processing hook)."""
    result["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for operation in operations.values():
            if not operation.get("security"):
                continue
            for status in _statuses(operation):
                problem: dict[str, Any] = {"description": _MEANINGS[status], "content": content}
                if status == "429":
                    problem["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
                operation["responses"].setdefault(status, problem)
    return result
