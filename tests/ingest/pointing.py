"""JSON pointers followed as RFC 6901 says, for tests."""

from typing import Any

from governance.ingest.formats.incoming import IncomingMessage


def follow(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


def texts_of(message: IncomingMessage) -> list[str]:
    return [follow(message.item, pointer) for pointer in message.text]
