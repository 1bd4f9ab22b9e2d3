"""One policy text, read once: whether it may stand, what it needs to apply, and which times it compares. Pure.

What is refused, beyond what Cedar's own validator refuses: several policies in one text, templates, a policy that names
one conversation (lists are decided by cell, so list and detail would disagree), and a clock that is used otherwise than
compared with a literal (its next change could not be known).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import cedarpy

from governance.access.errors import PolicyInvalid
from governance.access.moments import CLOCKS
from governance.access.schema import CEDAR_SCHEMA

LONGEST: Final = 16_384
_COMPARISONS: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_ARITHMETIC: Final = frozenset({"+", "-", "*", "neg"})
_ROLES: Final = {".": {"left": {"Var": "principal"}, "attr": "roles"}}
_PURPOSE: Final = {".": {"left": {"Var": "context"}, "attr": "purpose"}}
_COLLECTION: Final = {".": {"left": {"Var": "resource"}, "attr": "collection"}}

Names = frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A policy as the evaluator keeps it; equal only to itself, which makes it a cheap part of a cache's name.

    `actions`, `roles`, `purposes`, `collections` are what the policy needs to apply at all: None means anything, for
    roles one of them suffices. A policy that calculates is given no needs but its actions, because a calculation may
    fail, and a failure is a refusal that must not be skipped.
    """

    name: str
    version: int
    cedar: str
    forbids: bool
    actions: Names | None
    roles: Names | None
    purposes: Names | None
    collections: Names | None
    times: frozenset[tuple[str, int]]

    @property
    def label(self) -> str:
        """How decisions and the audit trail name it."""
        return f"{self.name}@{self.version}"

    def concerns(self, *, action: str, roles: Names, purpose: str) -> bool:
        """Return whether the policy can apply to such a request on some resource."""
        return (
            (self.actions is None or action in self.actions)
            and (self.roles is None or bool(self.roles & roles))
            and (self.purposes is None or purpose in self.purposes)
        )


def validate(cedar: str) -> None:
    """Return where a policy text may stand; raise PolicyInvalid, which says where and why, otherwise."""
    if len(cedar) > LONGEST:
        raise PolicyInvalid(f"A policy has at most {LONGEST} characters; split it.")
    result = cedarpy.validate_policies(cedar, CEDAR_SCHEMA)
    if not result.validation_passed:
        raise PolicyInvalid("; ".join(str(error) for error in result.errors))
    read_rule(name="draft", version=1, cedar=cedar)


@lru_cache(maxsize=4096)
def read_rule(*, name: str, version: int, cedar: str) -> Rule:
    """Return the rule of a policy text. Raises PolicyInvalid."""
    policy = _only_policy(cedar)
    nodes = list(_walk({part: policy[part] for part in ("principal", "action", "resource", "conditions")}))
    if any("Record" in node for node in nodes):
        raise PolicyInvalid("A policy compares attributes one by one; it has no use for records.")
    _refuse_one_conversation(nodes)
    needs: dict[str, Names] = {}
    if not any(operator in node for node in nodes for operator in _ARITHMETIC):
        needs = _needs(policy)
    return Rule(
        name=name,
        version=version,
        cedar=cedar,
        forbids=policy["effect"] == "forbid",
        actions=_actions(policy["action"]),
        roles=needs.get("roles"),
        purposes=needs.get("purposes"),
        collections=needs.get("collections"),
        times=_times(nodes),
    )


def _only_policy(cedar: str) -> dict[str, Any]:
    try:
        parsed = json.loads(cedarpy.policies_to_json_str(cedar))
    except ValueError as error:
        raise PolicyInvalid(f"This is no Cedar: {error}.") from None
    policies = list(parsed["staticPolicies"].values())
    if len(policies) != 1 or parsed["templates"]:
        raise PolicyInvalid("Write exactly one policy, without template slots; further ones get a name of their own.")
    return dict(policies[0])


def _walk(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def _refuse_one_conversation(nodes: list[Mapping[str, Any]]) -> None:
    named = {node["type"] for node in nodes if "type" in node and "id" in node}
    if "Tenant" in named:
        raise PolicyInvalid("A policy belongs to its tenant already; leave the resource open.")
    if "Conversation" in named:
        raise PolicyInvalid("A policy may not name one conversation; use a condition on its attributes, or break-glass.")


def _actions(scope: Mapping[str, Any]) -> Names | None:
    if scope["op"] == "All":
        return None
    entities = scope["entities"] if "entities" in scope else [scope["entity"]]
    return frozenset(str(entity["id"]) for entity in entities)


def _clock(node: Any) -> str:
    """Return the clock that an expression reads; empty where it is something else."""
    inner = node.get(".") if isinstance(node, Mapping) else None
    if inner is not None and inner["left"] == {"Var": "context"} and inner["attr"] in CLOCKS:
        return str(inner["attr"])
    return ""


def _times(nodes: list[Mapping[str, Any]]) -> frozenset[tuple[str, int]]:
    """Return each clock with the literals it is compared with. Raises PolicyInvalid for any other use of the context."""
    found: set[tuple[str, int]] = set()
    compared = 0
    for node in nodes:
        for sides in (node[operator] for operator in _COMPARISONS & node.keys()):
            for one, other in ((sides["left"], sides["right"]), (sides["right"], sides["left"])):
                clock, literal = _clock(one), other.get("Value") if isinstance(other, Mapping) else None
                if clock and isinstance(literal, int) and not isinstance(literal, bool):
                    found.add((clock, literal))
                    compared += 1
    if compared != sum(bool(_clock(node)) for node in nodes):
        raise PolicyInvalid("Compare epoch_seconds, minute_of_day and weekday with whole numbers only, for instance >= 540.")
    read = sum(node["."]["left"] == {"Var": "context"} for node in nodes if "." in node)
    if read != sum(node == {"Var": "context"} for node in nodes):
        raise PolicyInvalid("Read single attributes of the context, as context.purpose; not the context as a whole.")
    return frozenset(found)


def _needs(policy: Mapping[str, Any]) -> dict[str, Names]:
    """Return what the conditions demand at their top level, by kind."""
    needs: dict[str, Names] = {}
    for condition in policy["conditions"]:
        if condition["kind"] != "when":
            continue
        for demand in _conjuncts(condition["body"]):
            kind, names = _demand(demand)
            if kind == "roles" and kind in needs:
                continue  # Two demands on roles are both needed; the first one alone narrows enough and stays true.
            if kind:
                needs[kind] = needs[kind] & names if kind in needs else names
    return needs


def _conjuncts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "&&" in body:
        yield from _conjuncts(body["&&"]["left"])
        yield from _conjuncts(body["&&"]["right"])
    else:
        yield body


def _demand(node: Mapping[str, Any]) -> tuple[str, Names]:
    """Return the kind and the names of a demand that is plain to see; ("", nothing) of any other."""
    for operator in ("contains", "containsAny", "=="):
        if operator not in node:
            continue
        left, right = node[operator]["left"], node[operator]["right"]
        if operator != "==" and left == _ROLES:
            return _literal_names("roles", right)
        for kind, attribute in (("purposes", _PURPOSE), ("collections", _COLLECTION)):
            if attribute in (left, right) and operator != "containsAny":
                return _literal_names(kind, right if left == attribute else left)
    return "", frozenset()


def _literal_names(kind: str, node: Mapping[str, Any]) -> tuple[str, Names]:
    """Return the names of a literal or a set of literals; ("", nothing) where one of them is worked out."""
    values = [value.get("Value") for value in node.get("Set", [node])]
    if all(isinstance(value, str) for value in values):
        return kind, frozenset(str(value) for value in values)
    return "", frozenset()
