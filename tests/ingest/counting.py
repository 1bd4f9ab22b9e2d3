"""What a file of chats holds, counted by other means than the product's: json, and loops of its own.

Imports nothing of the project, so that it can judge the importer and the database alike.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def count_file(path: Path) -> tuple[int, int]:
    """How many conversations and messages the file holds."""
    conversations = messages = 0
    for texts_of_one in _conversations(path):
        conversations += 1
        messages += len(texts_of_one)
    return conversations, messages


def texts(path: Path) -> Iterator[str]:
    """The text of every message in order: its readable strings joined by line ends, "" where there is none."""
    for texts_of_one in _conversations(path):
        yield from texts_of_one


def _conversations(path: Path) -> Iterator[list[str]]:
    content = path.read_text("utf-8")
    if path.suffix == ".jsonl":
        entries = [json.loads(line) for line in content.split("\n") if line]
    else:
        entries = json.loads(content)
    for entry in entries:
        yield _texts_of(entry)


def _texts_of(entry: dict[str, Any]) -> list[str]:
    if "mapping" in entry:
        return _of_tree(entry["mapping"])
    if "chat_messages" in entry:
        return ["\n".join(_of_blocks(each)) for each in entry["chat_messages"]]
    if "messages_display" in entry:
        return _of_transcript(entry["messages_display"])
    if "conversations" in entry:
        turns = entry["conversations"] + [entry[name] for name in ("chosen", "rejected") if name in entry]
    elif "choices" in entry:
        turns = [turn for choice in entry["choices"] for turn in choice["turns"]]
    else:
        turns = entry["turns"] if "turns" in entry else entry["messages"]
    return [turn if isinstance(turn, str) else _of_turn(turn) for turn in turns]


def _of_turn(turn: dict[str, Any]) -> str:
    for name in ("value", "utterance", "message", "content"):
        if name in turn:
            return turn[name] or ""
    raise ValueError("A turn of no known shape.")


def _of_blocks(each: dict[str, Any]) -> list[str]:
    attached = [attachment["extracted_content"] for attachment in each["attachments"]]
    return [block["text"] for block in each["content"]] + attached


def _of_tree(nodes: dict[str, Any]) -> list[str]:
    """The messages of a ChatGPT tree, the first branch to its end, then the others."""
    waiting = [name for name, node in nodes.items() if node["parent"] is None]
    found = []
    while waiting:
        node = nodes[waiting.pop(0)]
        if node["message"] is not None:
            found.append("\n".join(_of_content(node["message"]["content"])))
        waiting = node["children"] + waiting
    return found


def _of_content(content: dict[str, Any]) -> list[str]:
    kind = content["content_type"]
    if kind in ("text", "multimodal_text"):
        return [part for part in content["parts"] if isinstance(part, str)]
    if kind == "thoughts":
        return [text for thought in content["thoughts"] for text in (thought["summary"], thought["content"])]
    if kind == "user_editable_context":
        return [content["user_profile"], content["user_instructions"]]
    return [content["text"]]


def _of_transcript(transcript: str) -> list[str]:
    found: list[list[str]] = []
    for line in transcript.split("\n"):
        role, colon, rest = line.partition(": ")
        if colon and role in ("user", "assistant", "tool", "system"):
            found.append([rest])
        else:
            found[-1].append(line)
    return ["\n".join(lines) for lines in found]
