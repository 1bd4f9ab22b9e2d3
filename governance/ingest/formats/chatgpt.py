"""The export of ChatGPT: `conversations.json`, an array of trees.

    {"id", "title", "current_node", "mapping": {node id: {"id", "message": {...} | null, "parent", "children"}}, ...}

Every branch is kept, hidden nodes (system messages and custom instructions of weight 0) too: they are part of what
the provider held. Messages stand in the order of a walk from the root that follows `children`, so each comes after
the message it answers.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.ingest.formats import fields
from governance.ingest.formats.assembly import Origin, conversation, message
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.incoming import IncomingConversation, IncomingMessage
from governance.ingest.formats.roles import role_of

# Fields of a content object that hold text to read, over all of its content types.
_TEXTS = ("title", "text", "result", "summary", "content", "user_profile", "user_instructions", "model_set_context")
_LISTS = {"parts": ("text",), "thoughts": ("summary", "content")}

_Node = tuple[str, str]  # node id, id of the nearest message above it


def recognises(record: Mapping[str, Any]) -> bool:
    """Whether the record has a mapping of nodes."""
    return isinstance(record.get("mapping"), Mapping)


def parse(record: Mapping[str, Any], origin: Origin) -> IncomingConversation:
    """The conversation of one entry of the export; FormatError where it has no mapping or its nodes form a circle."""
    return conversation(
        origin,
        record,
        _messages(fields.required_object(record, "mapping")),
        omit=("mapping",),
        external_id=fields.optional_id(record, "conversation_id", "id"),
        title=fields.optional_text(record, "title"),
    )


def _messages(mapping: Mapping[str, Any]) -> Iterator[IncomingMessage]:
    places = {node_id: f"/mapping/<key {place}>" for place, node_id in enumerate(mapping, start=1)}
    for node_id, node in mapping.items():
        fields.as_object(node, places[node_id])
    ordinal = 0
    for node_id, parent in _walk(mapping):
        item = mapping[node_id].get("message")
        if item is not None:
            at = f"{places[node_id]}/message"
            yield _message(ordinal, fields.as_object(item, at), at, node_id=node_id, parent=parent)
            ordinal += 1


def _message(ordinal: int, item: Mapping[str, Any], at: str, *, node_id: str, parent: str) -> IncomingMessage:
    author = fields.required_object(item, "author", at)
    content = fields.required_object(item, "content", at)
    return message(
        ordinal,
        role=role_of(author, at=f"{at}/author"),
        item=item,
        text=tuple(_pointers(content)),
        external_id=fields.bounded(node_id, at),
        parent=parent,
    )


def _walk(mapping: Mapping[str, Any]) -> Iterator[_Node]:
    """Every node with the id of the nearest message above it, parents first; FormatError at a circle."""
    children = _children(mapping)
    stack: list[_Node] = [(node_id, "") for node_id in reversed(children.pop("", []))]
    visited = 0
    while stack:
        node_id, above = stack.pop()
        visited += 1
        yield node_id, above
        nearest = above if mapping[node_id].get("message") is None else node_id
        stack.extend((child, nearest) for child in reversed(children.get(node_id, [])))
    if visited != len(mapping):
        raise FormatError("tree.cycle", reason="Messages answer each other in a circle.", pointer="/mapping")


def _children(mapping: Mapping[str, Any]) -> dict[str, list[str]]:
    """Node ids under their parent's id, roots under "": first as `children` orders them, then as they come.

    A node has one parent, the one that it names; where it names none of the tree, the first that lists it.
    """
    parents = {node_id: _known(node.get("parent"), mapping) for node_id, node in mapping.items()}
    ordered: dict[str, None] = {}
    for node_id, node in mapping.items():
        for child in _listed(node, mapping):
            parents[child] = parents[child] or node_id
            ordered.setdefault(child)
    under: dict[str, list[str]] = {}
    for node_id in (*ordered, *(each for each in mapping if each not in ordered)):
        under.setdefault(parents[node_id], []).append(node_id)
    return under


def _known(value: Any, mapping: Mapping[str, Any]) -> str:
    return value if isinstance(value, str) and value in mapping else ""


def _listed(node: Mapping[str, Any], mapping: Mapping[str, Any]) -> list[str]:
    children = node.get("children")
    return [child for child in children if _known(child, mapping)] if isinstance(children, list) else []


def _pointers(content: Mapping[str, Any]) -> Iterator[str]:
    for name in _TEXTS:
        if isinstance(content.get(name), str):
            yield f"/content/{name}"
    for name, texts in _LISTS.items():
        values = content.get(name)
        for index, part in enumerate(values if isinstance(values, list) else ()):
            if isinstance(part, str):
                yield f"/content/{name}/{index}"
            elif isinstance(part, Mapping):
                yield from (f"/content/{name}/{index}/{text}" for text in texts if isinstance(part.get(text), str))
