"""What a second person agrees to, in full: the policy that is asked about, and what would be decided otherwise.

An approval fixes its text by a digest, and no version is ever edited, so what is shown here is what would be carried out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from governance.access import policies, seconding
from governance.access.models import AccessPolicy
from governance.console.inert import spelled
from governance.console.policy_words import Changed, Facts, changes_of, said_of_text
from governance.identity.principals import Principal


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy as an approval is about it; `said` is None where no form can say it, `changes` are lines of a diff."""

    row: AccessPolicy
    retires: bool
    said: Facts | None
    changes: tuple[Changed, ...] = field(repr=False)


def proposal_of(principal: Principal, shown: seconding.Shown, now: datetime) -> Proposal | None:
    """Return what the approval asks for where the principal may look at it; None for other acts."""
    if shown.act not in {policies.ACTIVATE, policies.RETIRE}:
        return None
    return _policy(principal, shown.subject_id, retires=shown.act == policies.RETIRE, now=now)


def _policy(principal: Principal, policy_id: UUID, *, retires: bool, now: datetime) -> Proposal | None:
    if not policies.is_open(principal=principal, policy_id=policy_id, now=now):
        return None
    row = policies.policy(principal=principal, policy_id=policy_id, now=now)
    return Proposal(
        row=row,
        retires=retires,
        said=said_of_text(row.name, row.cedar),
        changes=(
            tuple(Changed("removed", spelled(f"-{line}")) for line in row.cedar.splitlines())
            if retires
            else changes_of(policies.diff(principal=principal, policy_id=policy_id, now=now))
        ),
    )
