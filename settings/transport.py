"""The Redis transport of kombu, but a body that is no base64 costs the message and not the worker.

kombu decodes a body while it receives, outside of what catches bad messages: one such message, from anybody who can
write to the broker, would end every worker in turn; so would an empty body, which Celery reads without a look. What
stands in for either is no JSON: it is refused later, where all bad messages are.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

UNREADABLE = b"\0"


class Channel(redis.Channel):
    """Receives bodies."""

    def decode_body(self, body: Any, encoding: str | None = None) -> Any:
        """Return the decoded body; of one that is empty or cannot be decoded, what no reader of JSON takes."""
        try:
            return super().decode_body(body, encoding) or UNREADABLE  # type: ignore[no-untyped-call]
        except (ValueError, TypeError, AttributeError):
            return UNREADABLE


class Transport(redis.Transport):
    """The transport of the schemes redis, rediss and redis+socket."""

    Channel = Channel


def register() -> None:
    """Let kombu take this transport for every address of a Redis or Valkey server."""
    for scheme in ("redis", "rediss", "redis+socket"):
        TRANSPORT_ALIASES[scheme] = "settings.transport:Transport"
