"""Reads a policy's Cedar back into the form, where the form can say exactly that. Pure.

Every part of the text must be one that the form writes, or means the same; else there is no form, and the policy is
shown in Cedar alone. Nothing is guessed: what is not recognised whole is not recognised.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any, Final

import cedarpy

from governance.access.cells import CLASSIFICATIONS
from governance.access.errors import PolicyInvalid
from governance.access.forms import PolicyForm
from governance.access.rules import validate
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS

_BOUNDS: Final = {
    ("resource", "classification", ">="): "lowest",
    ("resource", "classification", "<="): "highest",
    ("context", "epoch_seconds", ">="): "not_before",
    ("context", "epoch_seconds", "<"): "not_after",
    ("context", "minute_of_day", ">="): "from_time",
    ("context", "minute_of_day", "<"): "until_time",
}
_FLAGS: Final = {("resource", "held"), ("resource", "restricted"), ("context", "second_factor")}
_NAMES: Final = {("context", "purpose"): "purposes", ("resource", "collection"): "collections"}
_HOURS: Final = {"from_time", "until_time"}
_HOUR: Final = 60

Node = Mapping[str, Any]


class _Unsaid(Exception):
    """The form cannot say this."""


def read_form(*, name: str, cedar: str) -> PolicyForm | None:
    """Return the form that says what a policy text says; None where the form cannot."""
    try:
        validate(cedar)
        (policy,) = json.loads(cedarpy.policies_to_json_str(cedar))["staticPolicies"].values()
        fields = {**_scope(policy), **_conditions(policy)}
        form = PolicyForm(name=name, forbid=policy["effect"] == "forbid", **_turned(fields, policy["effect"]))
        form.write()
    except (_Unsaid, PolicyInvalid, OverflowError, OSError, ValueError):
        return None
    return form


def _scope(policy: Node) -> dict[str, Any]:
    """Return the actions. Raises _Unsaid where principal or resource are narrowed in the scope."""
    if policy["principal"]["op"] != "All" or policy["resource"]["op"] != "All":
        raise _Unsaid
    scope = policy["action"]
    entities = scope.get("entities") or [scope.get("entity")]
    if None in entities:
        raise _Unsaid
    actions = frozenset(entity["id"] for entity in entities)
    if not actions <= {*CONTENT_ACTIONS, *TENANT_ACTIONS}:
        raise _Unsaid
    return {"actions": actions, "roles": frozenset()}


def _conditions(policy: Node) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for condition in policy["conditions"]:
        if condition["kind"] != "when":
            raise _Unsaid
        for node in _parts(condition["body"], "&&"):
            said = _said(node)
            if said.keys() & found.keys():
                raise _Unsaid  # Two conditions on one thing: the form has one field for it.
            found |= said
            if len(said) == 1 and said.keys() <= _HOURS and _over_midnight(found):
                raise _Unsaid  # From ten and until nine, both: that is never. The form would make a night of it.
    return found


def _over_midnight(fields: Node) -> bool:
    return fields.keys() >= _HOURS and fields["from_time"] > fields["until_time"]


def _turned(fields: dict[str, Any], effect: str) -> dict[str, Any]:
    """Return the fields as the form keeps them: a second factor opens a permit, and its lack makes a forbid apply."""
    if "second_factor" in fields:
        if fields["second_factor"] != (effect == "permit"):
            raise _Unsaid
        fields["second_factor"] = True
    return fields


def _parts(node: Node, operator: str) -> Iterator[Node]:
    if operator in node:
        yield from _parts(node[operator]["left"], operator)
        yield from _parts(node[operator]["right"], operator)
    else:
        yield node


def _attribute(node: Any) -> tuple[str, str]:
    """Return variable and attribute of `context.purpose` and the like; ("", "") of anything else."""
    inner = node.get(".") if isinstance(node, Mapping) else None
    if inner is None or "Var" not in inner["left"]:
        return "", ""
    return str(inner["left"]["Var"]), str(inner["attr"])


def _value(node: Any, kind: type) -> Any:
    value = node.get("Value") if isinstance(node, Mapping) else None
    if type(value) is not kind:
        raise _Unsaid
    return value


def _set(node: Node) -> frozenset[str]:
    if not node.get("Set"):
        raise _Unsaid
    return frozenset(_value(one, str) for one in node["Set"])


def _said(node: Node) -> dict[str, Any]:
    """Return what one condition says, by fields of the form. Raises _Unsaid."""
    ((operator, body),) = node.items()
    reader = _READERS.get(operator)
    if reader is None:
        raise _Unsaid
    return reader(operator, body, node)


def _flag(operator: str, body: Any, node: Node) -> dict[str, Any]:
    attribute = _attribute(body["arg"] if operator == "!" else node)
    if attribute not in _FLAGS:
        raise _Unsaid
    return {attribute[1]: operator == "."}


def _named(operator: str, body: Any, node: Node) -> dict[str, Any]:
    """Roles of the principal; purpose or collection among names."""
    left, right = body["left"], body["right"]
    if _attribute(left) == ("principal", "roles"):
        return {"roles": _set(right) if operator == "containsAny" else frozenset([_value(right, str)])}
    field = _NAMES.get(_attribute(right))
    if field is None or operator != "contains":
        raise _Unsaid
    return {field: _set(left)}


def _equal(operator: str, body: Any, node: Node) -> dict[str, Any]:
    attribute = _attribute(body["left"])
    if attribute == ("context", "weekday"):
        return {"weekdays": frozenset([_value(body["right"], int)])}
    if attribute not in _NAMES:
        raise _Unsaid
    return {_NAMES[attribute]: frozenset([_value(body["right"], str)])}


def _bound(operator: str, body: Any, node: Node) -> dict[str, Any]:
    field = _BOUNDS.get((*_attribute(body["left"]), operator))
    if field is None:
        raise _Unsaid
    return {field: _FIELD_OF[field](_value(body["right"], int))}


def _level(value: int) -> str:
    if not 0 <= value < len(CLASSIFICATIONS):
        raise _Unsaid
    return CLASSIFICATIONS[value]


def _either(operator: str, body: Any, node: Node) -> dict[str, Any]:
    """Several weekdays; or hours over midnight, which are from a later minute or until an earlier one."""
    parts = [_said(one) for one in _parts(node, "||")]
    if all(one.keys() == {"weekdays"} for one in parts):
        return {"weekdays": frozenset().union(*(one["weekdays"] for one in parts))}
    if [list(one) for one in parts] == [["from_time"], ["until_time"]]:
        begin, end = parts[0]["from_time"], parts[1]["until_time"]
        if begin > end:
            return {"from_time": begin, "until_time": end}
    raise _Unsaid


_FIELD_OF: Final[dict[str, Callable[[int], Any]]] = {
    "lowest": _level,
    "highest": _level,
    "not_before": lambda value: datetime.fromtimestamp(value, UTC),
    "not_after": lambda value: datetime.fromtimestamp(value, UTC),
    "from_time": lambda value: time(*divmod(value, _HOUR)),
    "until_time": lambda value: time(*divmod(value, _HOUR)),
}
_READERS: Final[dict[str, Callable[[str, Any, Node], dict[str, Any]]]] = {
    ".": _flag, "!": _flag, "contains": _named, "containsAny": _named, "==": _equal, ">=": _bound, "<=": _bound,
    "<": _bound, "||": _either,
}  # fmt: skip
