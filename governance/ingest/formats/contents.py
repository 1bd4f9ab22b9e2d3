"""Where the readable text of a message in the style of the OpenAI API stands."""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats.errors import FormatError

# A message may come without content where it carries one of these.
INSTEAD = ("tool_calls", "function_call", "refusal", "audio", "reasoning_content")
_PART_TEXTS = ("text", "refusal", "thinking")


def message_pointers(message: Mapping[str, Any], at: str) -> tuple[str, ...]:
    """Pointers into `message` to its reasoning, its content and its refusal, in reading order.

    Content is a string, null, or a list of parts; FormatError where it is anything else, or is missing although
    nothing stands in its place.
    """
    if "content" not in message and not any(message.get(name) is not None for name in INSTEAD):
        raise FormatError("field.missing", reason="The message has no content.", pointer=f"{at}/content")
    return (
        *_own_text(message, "reasoning_content"),
        *content_pointers(message.get("content"), at=f"{at}/content"),
        *_own_text(message, "refusal"),
    )


def content_pointers(content: Any, *, at: str) -> tuple[str, ...]:
    """Pointers, from the message on, into its field `content`."""
    if content is None:
        return ()
    if isinstance(content, str):
        return ("/content",)
    if not isinstance(content, list):
        raise FormatError("field.type", reason="A string, null or a list of parts is expected.", pointer=at)
    return tuple(found for index, part in enumerate(content) for found in _part(part, index, at))


def _part(part: Any, index: int, at: str) -> Iterator[str]:
    if isinstance(part, str):
        yield f"/content/{index}"
    elif isinstance(part, Mapping):
        yield from (f"/content/{index}/{name}" for name in _PART_TEXTS if isinstance(part.get(name), str))
    else:
        raise FormatError("field.type", reason="A part is a string or an object.", pointer=f"{at}/{index}")


def _own_text(message: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return (f"/{name}",) if isinstance(message.get(name), str) else ()
