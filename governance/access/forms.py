"""A form for the usual policies, which writes Cedar; the unusual ones are written in Cedar itself. Pure.

What the form can say: who (roles), may or may not, do what (actions), for which purposes, in which collections, up to
which classification, held or restricted ones too or not, with a fresh second factor, from when until when, on which days
and at which hours (UTC).
"""

import json
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from governance.access.cells import CLASSIFICATIONS
from governance.access.errors import PolicyInvalid
from governance.access.schema import CONTENT_ACTIONS, TENANT_ACTIONS
from governance.identity.roles import Role

_WEEK: Final = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True)
class PolicyForm:
    """The fields of the form; what is empty or None sets no condition. Weekdays: Monday 1 to Sunday 7."""

    name: str
    roles: frozenset[str]
    actions: frozenset[str]
    forbid: bool = False
    purposes: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    highest: str = ""
    lowest: str = ""
    held: bool | None = None
    restricted: bool | None = None
    second_factor: bool = False
    not_before: datetime | None = None
    not_after: datetime | None = None
    weekdays: frozenset[int] = frozenset()
    from_time: time | None = None
    until_time: time | None = None

    def write(self) -> str:
        """Return the policy in Cedar. Raises PolicyInvalid for fields that do not go together."""
        content = self._check()
        actions = ", ".join(f"Action::{_text(action)}" for action in sorted(self.actions))
        conditions = [self._who(), *self._purposes(), *(self._resource() if content else []), *self._times()]
        if self.second_factor:
            conditions.append("!context.second_factor" if self.forbid else "context.second_factor")
        effect = "forbid" if self.forbid else "permit"
        body = "\n    && ".join(condition for condition in conditions if condition)
        when = f"\nwhen {{\n    {body}\n}}" if body else ""
        return f"@id({_text(self.name)})\n{effect} (principal, action in [{actions}], resource){when};\n"

    def _check(self) -> bool:
        """Return whether the actions are on content. Raises PolicyInvalid."""
        unknown = self.actions - {*CONTENT_ACTIONS, *TENANT_ACTIONS}
        if not self.actions or unknown:
            raise PolicyInvalid(f"Choose actions; unknown: {', '.join(sorted(unknown)) or 'none chosen'}.")
        content = bool(self.actions & set(CONTENT_ACTIONS))
        if content and self.actions - set(CONTENT_ACTIONS):
            raise PolicyInvalid("Actions on content and on the tenant go into two policies: they see different things.")
        if not self.roles and not self.forbid:
            raise PolicyInvalid("Choose roles; a policy that permits everybody is written in Cedar, on purpose.")
        if self.roles - set(Role.values):
            raise PolicyInvalid(f"Unknown roles: {', '.join(sorted(self.roles - set(Role.values)))}.")
        if not content and (self.collections or self.highest or self.lowest or self.held is not None):
            raise PolicyInvalid("Collections and classifications are conditions on content; these actions have none.")
        if self.weekdays - _WEEK:
            raise PolicyInvalid("Weekdays are 1 (Monday) to 7 (Sunday).")
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise PolicyInvalid("The policy would end before it begins.")
        return content

    def _who(self) -> str:
        return f"principal.roles.containsAny({_names(self.roles)})" if self.roles else ""

    def _purposes(self) -> list[str]:
        return [f"{_names(self.purposes)}.contains(context.purpose)"] if self.purposes else []

    def _resource(self) -> list[str]:
        conditions = []
        if self.collections:
            conditions.append(f"{_names(self.collections)}.contains(resource.collection)")
        if self.lowest:
            conditions.append(f"resource.classification >= {_level(self.lowest)}")
        if self.highest:
            conditions.append(f"resource.classification <= {_level(self.highest)}")
        for name, wanted in (("held", self.held), ("restricted", self.restricted)):
            if wanted is not None:
                conditions.append(f"resource.{name}" if wanted else f"!resource.{name}")
        return conditions

    def _times(self) -> list[str]:
        conditions = []
        if self.not_before:
            conditions.append(f"context.epoch_seconds >= {int(self.not_before.timestamp())}")
        if self.not_after:
            conditions.append(f"context.epoch_seconds < {int(self.not_after.timestamp())}")
        if self.weekdays and self.weekdays != _WEEK:
            days = " || ".join(f"context.weekday == {day}" for day in sorted(self.weekdays))
            conditions.append(f"({days})")
        return [*conditions, *self._hours()]

    def _hours(self) -> list[str]:
        begin = f"context.minute_of_day >= {_minute(self.from_time)}" if self.from_time else ""
        end = f"context.minute_of_day < {_minute(self.until_time)}" if self.until_time else ""
        if self.from_time and self.until_time and self.from_time > self.until_time:
            return [f"({begin} || {end})"]  # Over midnight.
        return [condition for condition in (begin, end) if condition]


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _level(classification: str) -> int:
    if classification not in CLASSIFICATIONS:
        raise PolicyInvalid(f"Unknown classification; there are: {', '.join(CLASSIFICATIONS)}.")
    return CLASSIFICATIONS.index(classification)


def _text(value: str) -> str:
    """Return a Cedar string literal. Raises PolicyInvalid for control characters, which no name holds."""
    if not value.isprintable():
        raise PolicyInvalid("Names in a policy hold printable characters only.")
    return json.dumps(value, ensure_ascii=False)


def _names(values: frozenset[str]) -> str:
    return f"[{', '.join(_text(value) for value in sorted(values))}]"
