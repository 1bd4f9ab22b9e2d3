"""What bad input is answered with.

Rules that hold for every error of this package:
- it has a stable `code` of the table `MENDS`, a place, a reason and a sentence that says how to mend it;
- it never holds text of a message: reasons are fixed sentences with numbers in them, and a JSON pointer shows only
  names that belong to a known format (`pointers.shown`);
- it is raised `from None` where its cause would carry text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MENDS: Mapping[str, str] = MappingProxyType(
    {
        "file.missing": "Check the path.",
        "file.directory": "Name the files inside the directory.",
        "file.special": "Copy the data into a regular file first.",
        "file.unreadable": "Check the permissions of the file and the disk.",
        "file.empty": "Check that the export was finished.",
        "file.archive": "Unpack the archive and name the JSON files inside.",
        "file.too_large": "Split the array, or write one conversation a line.",
        "file.changed": "Import the file again once nothing writes to it.",
        "encoding.bom": "Send UTF-8 without a byte order mark.",
        "encoding.utf8": "Save the data as UTF-8.",
        "encoding.utf16": "Save the data as UTF-8.",
        "json.syntax": "Export the data again, or correct the place that is named.",
        "json.truncated": "Export the data again, its end is missing.",
        "json.trailing": "Write one JSON array, or one JSON object a line.",
        "json.depth": "Flatten the value; 64 levels are the most.",
        "json.nodes": "Split the value into several.",
        "json.number": "Write NaN and infinities as null, and long numbers as strings.",
        "json.duplicate_key": "Give each name once in an object.",
        "json.type": "Use JSON values only.",
        "line.too_long": "Split the conversation, or leave embedded files out.",
        "item.too_large": "Split the conversation, or leave embedded files out.",
        "text.nul": "Remove the character U+0000.",
        "text.surrogate": "Write characters beyond U+FFFF as a pair of surrogates, or as they are.",
        "format.unknown": "Convert the data to a known format, or name the format yourself.",
        "field.missing": "Add the field.",
        "field.unknown": "Remove the field, or move it into metadata.",
        "field.type": "Give the field the type that is named.",
        "field.empty": "Fill the field, or leave it out.",
        "field.length": "Shorten the value.",
        "field.value": "Correct the value.",
        "role.missing": "Give every message a role.",
        "role.invalid": "Use a role of at most 32 letters, digits, underscores and hyphens.",
        "messages.empty": "Leave conversations without messages out.",
        "id.duplicate": "Give each id once, or leave the ids out.",
        "tree.cycle": "Export the conversation again, its messages answer each other in a circle.",
    }
)


class FormatError(Exception):
    """A payload is refused.

    `pointer` is the JSON pointer of the value at fault, as far as it may be shown; `line` counts from 1 inside the
    bytes that were read, and is 0 where the error has no line.
    """

    def __init__(self, code: str, *, reason: str, pointer: str = "", line: int = 0) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.pointer = pointer
        self.line = line
        self.mend = MENDS[code]


@dataclass(frozen=True, slots=True)
class ItemError:
    """One line or one item of a file is refused, the reading went on; with neither, the file as a whole.

    `line` counts from 1; `item` is the index in the file's array and counts from 0, as in a JSON pointer.
    """

    file: str
    code: str
    reason: str
    pointer: str = ""
    line: int | None = None
    item: int | None = None

    @property
    def mend(self) -> str:
        """How to mend it, as one sentence."""
        return MENDS[self.code]

    def __str__(self) -> str:
        """One line for people: place, reason, how to mend it, code."""
        place = [self.file]
        place += [f"line {self.line}"] if self.line is not None else []
        place += [f"item {self.item}"] if self.item is not None else []
        place += [f"at {self.pointer}"] if self.pointer else []
        return f"{', '.join(place)}: {self.reason} {self.mend} [{self.code}]"
