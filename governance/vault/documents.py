"""What is sealed: a JSON document of the untouched original item and where its readable text stands.

    {"text": ["/content"], "item": {"role": "user", "content": "..."}}

`text` holds JSON pointers (RFC 6901) in reading order. The redacted form is a document of the same structure.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class DocumentInvalid(Exception):
    """The item cannot be written as UTF-8 JSON."""

    code = "vault.document_invalid"


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """An opened item; it has no text in its repr."""

    item: Any
    text: tuple[str, ...]

    def readable(self) -> list[str]:
        """Return the strings that a person reads, in order."""
        return [value for pointer in self.text if isinstance(value := _resolve(self.item, pointer), str)]


def encode(item: Mapping[str, Any], text: tuple[str, ...]) -> bytes:
    """Return the document's bytes. Raises DocumentInvalid for what UTF-8 JSON cannot hold."""
    try:
        return json.dumps({"text": text, "item": item}, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (UnicodeEncodeError, ValueError, TypeError, RecursionError):
        raise DocumentInvalid(
            "The item holds a lone surrogate, a number without a JSON form, or is nested too deep."
        ) from None


def decode(data: bytes) -> Document:
    """Return the document of `data`, as `encode` wrote it."""
    parsed = json.loads(data)
    return Document(item=parsed["item"], text=tuple(parsed["text"]))


def _resolve(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(name)] if name.isdigit() and int(name) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
    return value
