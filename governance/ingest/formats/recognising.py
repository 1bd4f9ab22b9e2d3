"""Which format a record is of, told from its fields and never from the name of its file.

The first row whose predicate holds wins, so the narrow ones stand above the broad ones.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.ingest.formats import batch, chatgpt, claude, display, kdconv, mtbench, openai, sgd, sharegpt
from governance.ingest.formats.assembly import Origin
from governance.ingest.formats.errors import FormatError
from governance.ingest.formats.fields import as_object
from governance.ingest.formats.incoming import IncomingConversation
from governance.ingest.formats.json_values import check_text


@dataclass(frozen=True, slots=True)
class Format:
    """A known format: its name for `--format`, its predicate and its parser."""

    name: str
    recognises: Callable[[Mapping[str, Any]], bool]
    parser: Callable[[Mapping[str, Any], Origin], IncomingConversation]

    def parse(self, record: Any, origin: Origin) -> IncomingConversation:
        """The conversation of a JSON value of any kind; FormatError where it is not one of this format."""
        check_text(record)
        return self.parser(as_object(record), origin)


FORMATS: tuple[Format, ...] = (
    Format("chatgpt", chatgpt.recognises, chatgpt.parse),
    Format("claude", claude.recognises, claude.parse),
    Format("sharegpt", sharegpt.recognises, sharegpt.parse),
    Format("display", display.recognises, display.parse),
    Format("batch", batch.recognises, batch.parse),
    Format("kdconv", kdconv.recognises, kdconv.parse),
    Format("sgd", sgd.recognises, sgd.parse),
    Format("mtbench", mtbench.recognises, mtbench.parse),
    Format("openai", openai.recognises, openai.parse),
)
NAMES: tuple[str, ...] = tuple(sorted(each.name for each in FORMATS))


def by_name(name: str) -> Format:
    """The format of that name; FormatError `format.unknown` where there is none."""
    for each in FORMATS:
        if each.name == name:
            return each
    raise unknown("No format has that name")


def recognise(record: Any) -> Format:
    """The format of a JSON value; FormatError `format.unknown` where it is of none."""
    for each in FORMATS:
        if isinstance(record, Mapping) and each.recognises(record):
            return each
    raise unknown("The data is of no known format")


def recognise_first(records: Iterable[Any]) -> Format | None:
    """The format of the first record that is of any, or None."""
    for record in records:
        for each in FORMATS:
            if isinstance(record, Mapping) and each.recognises(record):
                return each
    return None


def unknown(reason: str) -> FormatError:
    """The refusal that names the formats there are."""
    return FormatError("format.unknown", reason=f"{reason}; known are {', '.join(NAMES)}.")


def parse_item(item: Any, *, position: int = 0, collection: str = "") -> IncomingConversation:
    """The conversation of one item of the batch API at `position` in its body; FormatError where it is refused.

    `collection` wins over the item's own, where it is given.
    """
    return by_name("batch").parse(item, Origin(collection=collection, position=position))
