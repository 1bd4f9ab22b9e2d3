"""What pages say of policies: what a form says as labels and text, the lines of a diff, and why something is refused."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.access.explaining import Explanation
from governance.access.forms import PolicyForm
from governance.access.models import AccessPolicy
from governance.access.recognising import read_form
from governance.access.rules import read_rule
from governance.console.inert import spelled
from governance.console.words import POLICY_STATES, Status

WEEKDAYS: Final = {
    1: gettext_lazy("Monday"), 2: gettext_lazy("Tuesday"), 3: gettext_lazy("Wednesday"), 4: gettext_lazy("Thursday"),
    5: gettext_lazy("Friday"), 6: gettext_lazy("Saturday"), 7: gettext_lazy("Sunday"),
}  # fmt: skip
_BECAUSE: Final[dict[str, Promise]] = {
    "Policies allow it.": gettext_lazy("Policies allow it."),
    "A policy forbids it.": gettext_lazy("A policy forbids it."),
    "No policy permits it.": gettext_lazy("No policy permits it."),
    "The collection does not allow the purpose.": gettext_lazy("The collection does not allow the purpose."),
    "This tenant does not know the purpose.": gettext_lazy("This tenant does not know the purpose."),
}
_REMEDIES: Final[dict[str, Promise]] = {
    "second_factor": gettext_lazy("Show a second factor."),
    "purpose": gettext_lazy("Ask for the purpose %(value)s, where that is the true one."),
    "role": gettext_lazy("Somebody who holds the role %(value)s may."),
    "break_glass": gettext_lazy("In an emergency, ask for break-glass with a reason and a ticket."),
}

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A version of a policy as a list shows it."""

    row: AccessPolicy
    status: Status
    forbids: bool
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A line of a diff; `kind` is added, removed, place or same."""

    kind: str
    text: str


def policy_line(row: AccessPolicy) -> PolicyLine:
    """Return a version as a line: its effect, and what it demands at first sight."""
    rule = read_rule(name=row.name, version=row.version, cedar=row.cedar)
    return PolicyLine(
        row=row,
        status=POLICY_STATES[row.state],
        forbids=rule.forbids,
        who=_worded(rule.roles) if rule.roles is not None else _("anybody who meets its conditions"),
        what=_worded(rule.actions) if rule.actions is not None else _("anything"),
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(spelled(name) for name in sorted(names))


def _worded(codes: Iterable[str]) -> str:
    return ", ".join(spelled(_(code)) for code in sorted(codes))


def said_of_text(name: str, cedar: str) -> Facts | None:
    """Return what a text says in the words of the form; None where the form cannot say it."""
    form = read_form(name=name, cedar=cedar)
    return said_of(form) if form is not None else None


def said_of(form: PolicyForm) -> Facts:
    """Return what a form says, as labels and text; what sets no condition is left out."""
    facts = [
        (_("Effect"), _("Forbids, whatever else permits it") if form.forbid else _("Permits")),
        (_("Roles"), _worded(form.roles) or _("everybody")),
        (_("Actions"), _worded(form.actions)),
        (_("Purposes"), _worded(form.purposes)),
        (_("Collections"), _listed(form.collections)),
        (_("Lowest classification"), form.lowest),
        (_("Highest classification"), form.highest),
        (_("Held"), _answer(form.held)),
        (_("Restricted"), _answer(form.restricted)),
        (_("Second factor"), _factor(form)),
        (_("From (UTC)"), _moment(form.not_before)),
        (_("Until (UTC)"), _moment(form.not_after)),
        (_("Weekdays"), ", ".join(str(WEEKDAYS[day]) for day in sorted(form.weekdays))),
        (_("From this hour (UTC)"), f"{form.from_time:%H:%M}" if form.from_time else ""),
        (_("Until this hour (UTC)"), f"{form.until_time:%H:%M}" if form.until_time else ""),
    ]
    return tuple((label, value) for label, value in facts if value)


def _answer(value: bool | None) -> str:
    return "" if value is None else _("yes") if value else _("no")


def _factor(form: PolicyForm) -> str:
    if not form.second_factor:
        return ""
    return _("applies while none is fresh") if form.forbid else _("a fresh one is needed")


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def changes_of(diff: str) -> tuple[Changed, ...]:
    """Return the lines of a unified diff without its two headings."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return tuple(Changed(kinds.get(line[:1], "same"), spelled(line)) for line in diff.splitlines()[2:])


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation as a page shows it: the answer, the policies that decided, and what would help with theirs."""

    allowed: bool
    because: str
    policies: tuple[str, ...]
    remedies: tuple[tuple[str, tuple[str, ...]], ...]


def explained(found: Explanation) -> Explained:
    """Return an explanation in the words of pages."""
    remedies = tuple((_remedy(one.kind, one.value), one.policies) for one in found.remedies)
    return Explained(found.allowed, str(_BECAUSE.get(found.because, found.because)), found.policies, remedies)


def _remedy(kind: str, value: str) -> str:
    said = _REMEDIES.get(kind)
    return str(said) % {"value": spelled(_(value) if value else "")} if said else kind
