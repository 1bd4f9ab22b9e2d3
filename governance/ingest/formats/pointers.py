"""JSON pointers (RFC 6901) as an error may show them: without giving content away.

Keys of foreign objects may be content (a map from customers to notes), so a key is written only where it is a field
name of a known format, and its place in the object otherwise.
"""

from collections.abc import Iterable

Token = str | int

FIELD_NAMES = frozenset(
    [
        "annotations",
        "arguments",
        "attachments",
        "attrname",
        "attrs",
        "attrvalue",
        "audio",
        "author",
        "author_id",
        "chat_messages",
        "children",
        "choices",
        "chosen",
        "citations",
        "collection",
        "content",
        "content_type",
        "conversation_id",
        "conversations",
        "create_time",
        "created_at",
        "current_node",
        "data_subject",
        "dialogue_id",
        "external_id",
        "extracted_content",
        "file_name",
        "files",
        "frames",
        "from",
        "function",
        "function_call",
        "id",
        "image_url",
        "input",
        "input_audio",
        "mapping",
        "message",
        "messages",
        "messages_display",
        "metadata",
        "model",
        "model_id",
        "name",
        "parent",
        "parent_message_uuid",
        "parts",
        "question_id",
        "reasoning_content",
        "recipient",
        "reference",
        "refusal",
        "rejected",
        "result",
        "role",
        "sender",
        "services",
        "slots",
        "speaker",
        "state",
        "status",
        "summary",
        "system",
        "task_id",
        "text",
        "thinking",
        "thoughts",
        "title",
        "tool_call_id",
        "tool_calls",
        "tools",
        "trial",
        "turns",
        "type",
        "update_time",
        "updated_at",
        "url",
        "user_instructions",
        "user_profile",
        "utterance",
        "uuid",
        "value",
        "weight",
    ]
)


def shown(tokens: Iterable[tuple[Token, int]]) -> str:
    """The pointer of these keys and indexes; each comes with its place among the keys of its object, from 1."""
    return "".join("/" + _shown_token(token, place) for token, place in tokens)


def _shown_token(token: Token, place: int) -> str:
    if isinstance(token, int) or token in FIELD_NAMES:
        return str(token)
    return f"<key {place}>"
