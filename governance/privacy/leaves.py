"""Every place of a JSON value that can hold text: strings, numbers, names of members, JSON inside strings.

The walk keeps its own stack, so depth costs memory and never the recursion limit; only JSON inside strings recurses,
at most `NESTED` levels. Paths are RFC 6901 pointers with three additions that no pointer can contain by itself:

* `outer#inner`: `outer` leads to a string that is a JSON document, `inner` is a pointer into that document (a `#` in a
  member name is therefore written `~2`);
* `pointer~key`: the name of the member that `pointer` leads to, not its value;
* a pointer names members as they are called after `rewrite`, so that a path can never hold what was masked in a name.
"""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

NESTED = 3
_LARGEST_NUMBER = 10**40
# `{"name": "phone", "value": "..."}`: these members name what those hold.
_LABEL_KEYS = ("name", "label", "field", "key", "type")
_LABELLED_KEYS = frozenset(["value", "val", "data", "answer", "input", "default", "example"])
_LONGEST_LABEL = 40
# Names that formats of chats give to their own structure: never text, and masking one would break the format.
STRUCTURE = frozenset(
    [
        "role",
        "content",
        "type",
        "text",
        "name",
        "id",
        "function",
        "arguments",
        "tool_calls",
        "tool_call_id",
        "messages",
        "parts",
        "author",
        "metadata",
        "created_at",
        "from",
        "value",
        "conversations",
        "input",
        "output",
        "properties",
    ]
)


class LeafKind(StrEnum):
    """What a leaf was before it became text."""

    STRING = "string"
    NUMBER = "number"
    KEY = "key"


class Step:
    """One step of a path, linked to the step before it; a path is spelled out only where somebody asks for it."""

    __slots__ = ("mark", "name", "parent")

    def __init__(self, parent: "Step | None", mark: str, name: str) -> None:
        self.parent, self.mark, self.name = parent, mark, name

    def path(self) -> str:
        """Spell the pointer out."""
        parts: list[str] = []
        step: Step | None = self
        while step is not None:
            name = step.name.replace("~", "~0").replace("/", "~1").replace("#", "~2")
            parts.append(step.mark + name)
            step = step.parent
        return "".join(reversed(parts))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text to scan; `context` is the name of the member that holds it and what its neighbours call it."""

    text: str = field(repr=False)
    context: str = field(repr=False)
    kind: LeafKind
    step: Step = field(repr=False)

    @property
    def path(self) -> str:
        """The pointer to the leaf, as the module says."""
        return self.step.path() + ("~key" if self.kind is LeafKind.KEY else "")


Change = Callable[[Leaf], str | None]
_Frame = tuple[Any, Any, Any, Step, str]


def string_leaves(item: Any) -> Iterator[Leaf]:
    """Yield the leaves of a JSON value in reading order; the name of a member comes before its value."""
    leaves: list[Leaf] = []

    def keep(leaf: Leaf) -> None:
        leaves.append(leaf)

    rewrite(item, keep)
    return iter(leaves)


def rewrite(item: Any, change: Change) -> Any:
    """Return a copy of `item` in which `change(leaf)` replaces a leaf, where it is not None.

    A replaced number becomes a string; a replaced member name keeps its place, and a second member that would get the
    same name gets ` (2)`, ` (3)`, ... behind it. A string that is a JSON document is written anew only where one of its
    leaves changed (its white space and notation of numbers may then differ) and is a JSON document afterwards.
    """
    return _Walk(change, NESTED).run(item, Step(None, "", ""), "")


class _Walk:
    """One traversal: the frames still to do, and whether anything changed."""

    def __init__(self, change: Change, nested: int) -> None:
        self.change = change
        self.nested = nested
        self.changed = False

    def run(self, item: Any, step: Step, context: str) -> Any:
        """Walk `item` from `step` on and return its copy."""
        root: list[Any] = [None]
        stack: list[_Frame] = [(root, 0, item, step, context)]
        while stack:
            target, slot, value, where, named = stack.pop()
            if isinstance(value, dict):
                target[slot] = self._members(value, where, stack)
            elif isinstance(value, list | tuple):
                target[slot] = copy = [None] * len(value)
                stack.extend(
                    (copy, index, value[index], Step(where, "/", str(index)), named) for index in reversed(range(len(value)))
                )
            else:
                target[slot] = self._scalar(value, where, named)
        return root[0]

    def _members(self, value: dict[str, Any], where: Step, stack: list[_Frame]) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        frames: list[_Frame] = []
        hint = _hint(value)
        taken = set(value)
        for key, child in value.items():
            step = Step(where, "/", key)
            step.name = self._name(key, step, taken)
            copy[step.name] = None
            frames.append((copy, step.name, child, step, f"{key} {hint}" if key in _LABELLED_KEYS else key))
        stack.extend(reversed(frames))
        return copy

    def _name(self, key: str, step: Step, taken: set[str]) -> str:
        if key in STRUCTURE:
            return key
        new = self._replaced(Leaf(key, "", LeafKind.KEY, step))
        if new is None or new == key:
            return key
        name, count = new, 1
        while name in taken:
            count += 1
            name = f"{new} ({count})"
        taken.add(name)
        return name

    def _scalar(self, value: Any, step: Step, context: str) -> Any:
        if isinstance(value, str):
            return self._text(value, step, context)
        if value is None or isinstance(value, bool) or not isinstance(value, int | float):
            return value
        text = number_text(value)
        new = self._replaced(Leaf(text, context, LeafKind.NUMBER, step)) if text else None
        return value if new is None else new

    def _text(self, value: str, step: Step, context: str) -> str:
        inner = _document(value) if self.nested > 0 else None
        if inner is None:
            new = self._replaced(Leaf(value, context, LeafKind.STRING, step))
            return value if new is None else new
        walk = _Walk(self.change, self.nested - 1)
        copy = walk.run(inner, Step(step, "#", ""), context)
        if not walk.changed:
            return value
        self.changed = True
        compact = (",", ":") if '": ' not in value else (", ", ": ")
        return json.dumps(copy, ensure_ascii=False, separators=compact)

    def _replaced(self, leaf: Leaf) -> str | None:
        new = self.change(leaf)
        self.changed = self.changed or new is not None
        return new


def number_text(value: float) -> str:
    """Return the digits of a number as a person would write them, or nothing where it is too long to be a finding."""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if abs(value) >= _LARGEST_NUMBER:
        return ""
    return str(abs(int(value))) if value == int(value) else repr(abs(value))


def _hint(value: dict[str, Any]) -> str:
    """Return what the neighbours call a value, as in `{"name": "phone", "value": "..."}`."""
    labels = (value.get(key) for key in _LABEL_KEYS)
    return " ".join(label for label in labels if isinstance(label, str) and len(label) <= _LONGEST_LABEL)


class _NotPlainError(ValueError):
    """The text is JSON that a parser would not give back whole."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        # A parser keeps the last of two members of one name; the first would be stored unseen.
        raise _NotPlainError
    return members


def _refuse(_constant: str) -> None:
    raise _NotPlainError


def _document(text: str) -> Any:
    """Parse a string that is a JSON object or array; None where it is plain text."""
    plain = text.strip()
    if len(plain) < 2 or plain[0] + plain[-1] not in ("{}", "[]"):  # noqa: PLR2004  # the two brackets
        return None
    try:
        return json.loads(plain, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
