"""The roles of messages: user, assistant, system, tool, developer, or the foreign word in lower case."""

import re
from collections.abc import Mapping
from typing import Any

from governance.ingest.formats.errors import FormatError

_WORD = re.compile(r"[A-Za-z0-9_-]{1,32}")


def role_of(
    message: Mapping[str, Any], *, at: str, fields: tuple[str, ...] = ("role",), words: Mapping[str, str] | None = None
) -> str:
    """The role that the first of `fields` names; `words` translates the format's own words, given in lower case."""
    for name in fields:
        if message.get(name) is not None:
            word = _word(message[name], f"{at}/{name}")
            return (words or {}).get(word, word)
    raise FormatError("role.missing", reason="The message has no role.", pointer=f"{at}/{fields[0]}")


def _word(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise FormatError("field.type", reason="A string is expected.", pointer=at)
    if not _WORD.fullmatch(value):
        raise FormatError("role.invalid", reason="The role is not a plain word.", pointer=at)
    return value.lower()
