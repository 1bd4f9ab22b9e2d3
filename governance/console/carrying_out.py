"""Which agreed acts the console carries out, and where the others are carried out."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.access import policies, seconding
from governance.approvals.acts import ACTS
from governance.custody import destroying, minimum
from governance.identity.principals import Principal
from governance.privacy import judging, profiling

# Each carries out one agreed act and returns what to say of it.
Carrying = Callable[[Principal, UUID, datetime], str]


def _schedule(principal: Principal, approval_id: UUID, now: datetime) -> str:
    ends = destroying.schedule_destroy(principal=principal, approval_id=approval_id, now=now)
    return _("The waiting has begun; the version is destroyed after %(when)s. Any officer cancels it until then.") % {
        "when": f"{ends:%Y-%m-%d %H:%M:%SZ}"
    }


def _destroy_data_key(principal: Principal, approval_id: UUID, now: datetime) -> str:
    gone = destroying.destroy_data_key(principal=principal, approval_id=approval_id, now=now)
    count = gone.messages
    text = ngettext("%(count)s message is unreadable for ever.", "%(count)s messages are unreadable for ever.", count)
    return text % {"count": count}


def _lower(principal: Principal, approval_id: UUID, now: datetime) -> str:
    number = minimum.lower_minimum(principal=principal, approval_id=approval_id, now=now)
    return _("Versions from %(number)s on open again.") % {"number": number}


def _subject(principal: Principal, approval_id: UUID, now: datetime) -> UUID:
    return seconding.approval(principal=principal, approval_id=approval_id, now=now).subject_id


def _activate(principal: Principal, approval_id: UUID, now: datetime) -> str:
    policy = _subject(principal, approval_id, now)
    row = policies.activate(principal=principal, policy_id=policy, approval_id=approval_id, now=now)
    return _("Version %(number)s of %(name)s is in force; every open grant of the tenant ended.") % {
        "number": row.version,
        "name": row.name,
    }


def _retire(principal: Principal, approval_id: UUID, now: datetime) -> str:
    policy = _subject(principal, approval_id, now)
    row = policies.retire(principal=principal, policy_id=policy, approval_id=approval_id, now=now)
    return _("%(name)s is out of force; every open grant of the tenant ended.") % {"name": row.name}


def _unmask(principal: Principal, approval_id: UUID, now: datetime) -> str:
    judging.unmask(principal=principal, approval_id=approval_id, now=now)
    return _("The place is shown in the redacted view from now on, and no later scan masks it again.")


def _apply_profile(principal: Principal, approval_id: UUID, now: datetime) -> str:
    profile = _subject(principal, approval_id, now)
    row, _job = profiling.activate(principal=principal, profile_id=profile, approval_id=approval_id, now=now)
    return _("Version %(number)s is in force. A job scans anew what was scanned before.") % {"number": row.version}


_CARRIED: Final[dict[str, tuple[str, Carrying]]] = {
    destroying.VERSION: ("key.destroy_scheduled", _schedule),
    destroying.DATA_KEY: ("key.data_key_destroyed", _destroy_data_key),
    minimum.ACT: ("key.minimum_changed", _lower),
    policies.ACTIVATE: ("policy.activated", _activate),
    policies.RETIRE: ("policy.retired", _retire),
    judging.ACT: ("finding.rejected", _unmask),
    profiling.ACT: ("profile.activated", _apply_profile),
}
EVENTS: Final = tuple(event for event, _carry in _CARRIED.values())
ELSEWHERE: Final = {
    "break_glass": "manage.py approvals open APPROVAL",
    "accept_head": "manage.py verify_audit --accept-head --approval APPROVAL",
}


def is_here(act: str) -> bool:
    """Return whether the console carries out this act."""
    return act in _CARRIED


def may_carry(act: str, opened: Collection[str]) -> bool:
    """Return whether somebody to whom `opened` is open may carry out this act here."""
    return act in _CARRIED and ACTS[act].action in opened


def carry(*, act: str, principal: Principal, approval_id: UUID, now: datetime) -> str:
    """Carry out what two people agreed to; return what to say of it. Raises what the act's own function raises."""
    return _CARRIED[act][1](principal, approval_id, now)
