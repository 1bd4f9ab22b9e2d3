"""The Redis transport of kombu, but what is no ring costs the message and not the worker.

kombu and Celery take a message apart outside of what catches bad ones: bytes that are no JSON, a property that is not
there or a limit of time of another type, from anybody who can write to the broker, would end a worker and go back into
the queue for the next one. So a message is looked at as it is read, before either of them sees it: it has the one form
that rings have, is small, and holds JSON of strings and nothing packed. Whatever else comes is dropped, and the log says
so.
"""

import base64
import logging
from typing import Annotated, Any, Final, Literal

from kombu.transport import TRANSPORT_ALIASES, redis
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

logger = logging.getLogger(__name__)
LONGEST: Final = 16_384  # A ring has about a thousand bytes.
_Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_Limit = Annotated[int, Field(ge=60, le=600)]  # No shorter than work takes: its end is the end of the process.
_Empty = Annotated[dict[str, Any], Field(max_length=0)]
# An object could name a type, and a very long number would be none to Python: kombu meets both while it reads.
_Plain = str | Annotated[int, Field(ge=-(2**31), lt=2**31)] | bool | None | _Empty
_ARGUMENTS: Final = TypeAdapter(tuple[list[str], _Empty, dict[str, None]])  # By place, by name, and what is to follow.


def _holds_arguments(body: str) -> str:
    _ARGUMENTS.validate_json(base64.b64decode(body, validate=True))
    return body


class _Part(BaseModel):
    """A part of a message: no value is made from one of another type, and what else stands there is plain."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, _Plain] = Field(init=False)


class _Headers(_Part):
    task: _Name
    id: _Name
    eta: None = None
    expires: _Name | None = None
    timelimit: tuple[_Limit | None, None] = (None, None)
    retries: Literal[0] = 0
    compression: None = None


class _Place(_Part):
    exchange: str
    routing_key: str


class _Properties(_Part):
    delivery_tag: _Name
    delivery_info: _Place
    body_encoding: Literal["base64"]


class _Ring(_Part):
    headers: _Headers
    properties: _Properties
    content_type: Literal["application/json"] = Field(alias="content-type")
    content_encoding: Literal["utf-8"] = Field(alias="content-encoding")
    body: Annotated[str, AfterValidator(_holds_arguments)]


def is_ring(message: bytes) -> bool:
    """Tell whether bytes from a queue are a message that this product sends, and nothing but that."""
    if len(message) > LONGEST:
        return False
    try:
        _Ring.model_validate_json(message)
    except ValidationError:
        return False
    return True


class _Rings:
    """A client of the server that finds an empty queue where something else than a ring was in it."""

    def parse_response(self, connection: Any, command_name: str, **options: Any) -> Any:
        """Return the answer to a command; what `BRPOP` took out of a queue is dropped where it is no ring."""
        found = super().parse_response(connection, command_name, **options)  # type: ignore[misc]
        if command_name == "BRPOP" and found and not is_ring(found[1]):
            logger.warning("A message in the broker was no ring, and was dropped.")
            return None
        return found


class Channel(redis.Channel):
    """Reads by such a client."""

    def _get_client(self) -> Any:
        return type("Client", (_Rings, super()._get_client()), {})  # type: ignore[no-untyped-call]


class Transport(redis.Transport):
    """The transport of the schemes redis, rediss and redis+socket."""

    Channel = Channel


def register() -> None:
    """Let kombu take this transport for every address of a Redis or Valkey server."""
    for scheme in ("redis", "rediss", "redis+socket"):
        TRANSPORT_ALIASES[scheme] = "settings.transport:Transport"
