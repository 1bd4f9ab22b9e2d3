"""What a second person agrees to, in full: the policy or the profile that is asked about, and what it changes.

An approval fixes its text by a digest, and no version is ever edited, so what is shown here is what would be carried out.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from governance.access import policies, seconding
from governance.access.acting import allowed_of
from governance.console.inert import spelled
from governance.console.policy_words import Changed, Facts, changes_of, said_of_text
from governance.console.profile_words import weakening
from governance.identity.principals import Principal
from governance.privacy import profiling

_OPEN: Final = ("asked", "seconded")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an approval asks for: the lines of a diff, and of a policy its Cedar and what a form says of it.

    `retires` says that the lines go and nothing comes; `weakens` in which ways a profile masks or protects less.
    """

    changes: tuple[Changed, ...] = field(repr=False)
    retires: bool = False
    cedar: str = field(default="", repr=False)
    said: Facts | None = None
    weakens: tuple[str, ...] = ()


def proposal_of(principal: Principal, shown: seconding.Shown, now: datetime) -> Proposal | None:
    """Return what an open approval asks for, where the principal may look at it; None for other acts."""
    if shown.state not in _OPEN:
        return None
    if shown.act in {policies.ACTIVATE, policies.RETIRE}:
        return _policy(principal, shown.subject_id, retires=shown.act == policies.RETIRE, now=now)
    return _profile(principal, shown.subject_id, now) if shown.act == profiling.ACT else None


def _policy(principal: Principal, policy_id: UUID, *, retires: bool, now: datetime) -> Proposal | None:
    if not policies.is_open(principal=principal, policy_id=policy_id, now=now):
        return None
    row = policies.policy(principal=principal, policy_id=policy_id, now=now)
    if retires:
        changes = tuple(Changed("removed", spelled(f"-{line}")) for line in row.cedar.splitlines())
    else:
        changes = changes_of(policies.diff(principal=principal, policy_id=policy_id, now=now))
    return Proposal(changes, retires=retires, cedar=row.cedar, said=said_of_text(row.name, row.cedar))


def _profile(principal: Principal, profile_id: UUID, now: datetime) -> Proposal | None:
    if not allowed_of(principal=principal, actions=(profiling.ACTION, "second"), now=now):
        return None
    found = profiling.compare(principal=principal, profile_id=profile_id, now=now)
    return Proposal(changes_of(found.diff), weakens=tuple(weakening(way) for way in found.weakens))
