"""Fields of foreign objects, read with their types checked; every refusal names the pointer, never the value.

`at` is the pointer of the object itself. A null counts as absent where a field is optional.
"""

from collections.abc import Mapping
from typing import Any

from governance.ingest.formats.errors import FormatError

MAX_NAME = 255


def as_object(value: Any, at: str = "") -> Mapping[str, Any]:
    """`value` itself, which must be an object."""
    if not isinstance(value, Mapping):
        raise FormatError("field.type", reason="An object is expected.", pointer=at)
    return value


def required_object(record: Mapping[str, Any], name: str, at: str = "") -> Mapping[str, Any]:
    """The object in the field `name`, which must be there."""
    return as_object(_required(record, name, at), f"{at}/{name}")


def required_list(record: Mapping[str, Any], name: str, at: str = "") -> list[Any]:
    """The list in the field `name`, which must be there."""
    value = _required(record, name, at)
    if not isinstance(value, list):
        raise FormatError("field.type", reason="A list is expected.", pointer=f"{at}/{name}")
    return value


def messages_of(record: Mapping[str, Any], name: str, at: str = "") -> list[Mapping[str, Any]]:
    """The objects in the list `name`, which must be there and must not be empty."""
    values = required_list(record, name, at)
    if not values:
        raise FormatError("messages.empty", reason="The conversation has no message.", pointer=f"{at}/{name}")
    return [as_object(value, f"{at}/{name}/{index}") for index, value in enumerate(values)]


def required_text(record: Mapping[str, Any], name: str, at: str = "") -> str:
    """The string in the field `name`, of any length; it must be there."""
    return as_text(_required(record, name, at), f"{at}/{name}")


def as_text(value: Any, at: str) -> str:
    """`value` itself, which must be a string."""
    if not isinstance(value, str):
        raise FormatError("field.type", reason="A string is expected.", pointer=at)
    return value


def optional_text(record: Mapping[str, Any], name: str, at: str = "") -> str:
    """The string in the field `name`, or "" where there is none."""
    value = record.get(name)
    return "" if value is None else as_text(value, f"{at}/{name}")


def optional_name(record: Mapping[str, Any], name: str, at: str = "") -> str:
    """A name or id of 1 to 255 characters, or "" where there is none."""
    value = optional_text(record, name, at)
    if not value and record.get(name) is not None:
        raise FormatError("field.empty", reason="The field is empty.", pointer=f"{at}/{name}")
    return bounded(value, f"{at}/{name}")


def optional_id(record: Mapping[str, Any], *names: str, at: str = "") -> str:
    """The first id among the fields `names`: a string that is not empty or an integer; "" where there is none."""
    for name in names:
        value = record.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise FormatError("field.type", reason="A string or an integer is expected.", pointer=f"{at}/{name}")
        return bounded(str(value), f"{at}/{name}")
    return ""


def bounded(value: str, at: str, longest: int = MAX_NAME) -> str:
    """`value` itself, which must not be longer than a name may be."""
    if len(value) > longest:
        raise FormatError("field.length", reason=f"The field is longer than {longest} characters.", pointer=at)
    return value


def _required(record: Mapping[str, Any], name: str, at: str) -> Any:
    if name not in record:
        raise FormatError("field.missing", reason="A field is missing.", pointer=f"{at}/{name}")
    return record[name]
