"""JSON pointers (RFC 6901): written, followed, and shown without giving content away.

Keys of foreign objects may be content (a map from customers to notes), so `shown` writes a key only where it is a field
name of a known format, and its place in the object otherwise.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Token = str | int

FIELD_NAMES = frozenset(
    """
    annotations arguments attachments attrname attrs attrvalue audio author author_id chat_messages children choices
    chosen citations collection content content_type conversation_id conversations created_at create_time current_node
    data_subject dialogue_id external_id extracted_content file_name files frames from function function_call id
    image_url input input_audio mapping message messages messages_display metadata model model_id name parent
    parent_message_uuid parts question_id reasoning_content recipient reference refusal rejected result role
    sender services slots speaker state status summary system task_id text thinking thoughts title tool_call_id
    tool_calls tools trial turns type updated_at update_time url user_instructions user_profile utterance uuid
    value weight
    """.split()
)


def pointer(*tokens: Token) -> str:
    """The pointer that names these keys and indexes, from the root on."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def follow(value: Any, path: str) -> Any:
    """The value that `path` names inside `value`; LookupError (without text) where there is none."""
    if path and not path.startswith("/"):
        raise LookupError("A JSON pointer starts with a slash.")
    for raw in path.split("/")[1:]:
        value = _child(value, raw.replace("~1", "/").replace("~0", "~"))
    return value


def _child(value: Any, token: str) -> Any:
    if isinstance(value, Mapping) and token in value:
        return value[token]
    if isinstance(value, Sequence) and not isinstance(value, str) and _is_index(token) and int(token) < len(value):
        return value[int(token)]
    raise LookupError("The JSON pointer names nothing.")


def _is_index(token: str) -> bool:
    """RFC 6901 section 4: ASCII digits without a leading zero; longer than any list is no index."""
    return token.isascii() and token.isdigit() and len(token) <= 18 and (token == "0" or token[0] != "0")


def shown(tokens: Iterable[tuple[Token, int]]) -> str:
    """The pointer as an error may show it; each token comes with its place among the keys of its object."""
    return "".join("/" + _shown_token(token, place) for token, place in tokens)


def _shown_token(token: Token, place: int) -> str:
    if isinstance(token, int) or token in FIELD_NAMES:
        return str(token)
    return f"<key {place}>"
