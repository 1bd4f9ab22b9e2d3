"""Mail to people of a tenant: that something waits for them, never what it is about.

Each notice is a job. A mail that went out is kept with the job's progress, so that a worker which ends meanwhile doubles
one mail at most; a mail server that is away is tried again until what waits has been dealt with or has expired.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from smtplib import SMTPException
from typing import Final
from uuid import UUID

from django.core.mail import send_mail

from governance.access.models import BreakGlass
from governance.approvals.models import Approval
from governance.audit.recording import record_with_effect
from governance.identity.models import User
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope
from governance.jobs.leasing import Later, Leased, advance, extend, lock_job

SECONDERS: Final = (Role.PRIVACY_OFFICER, Role.SECURITY_OFFICER)
AGAIN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """What a mail says: codes, ids and times. `but` is the one who knows already."""

    subject: str
    text: str
    but: UUID


def tell(job: Leased) -> None:
    """Mail one of those whom the job's notice is for; the job is over when all were told, or nothing waits any more.

    Raises LeaseLost, Later where the mail server does not take it.
    """
    now, told = datetime.now(UTC), list(job.cursor.get("told", []))
    with tenant_scope(job.tenant):
        extend(job)
        notice = NOTICES[job.spec["of"]](UUID(job.spec["id"]), now)
    people = _people(job.tenant, notice.but) if notice else []
    waiting = [person for person in people if str(person.id) not in told]
    if notice and waiting:
        _mail(notice, waiting[0].email)
        told.append(str(waiting[0].id))
    with tenant_scope(job.tenant):
        lock_job(job)
        advance(
            job, done=len(waiting[:1]), total=len(told) + len(waiting[1:]), cursor={"told": told}, finished=len(waiting) <= 1
        )
        if job.finished:
            facts = {"job": str(job.id), "of": job.spec["of"], "subject": job.spec["id"], "mails": len(told)}
            record_with_effect(tenant=job.tenant, event="notice.sent", actor_kind="worker", **facts)


def _approval(approval: UUID, now: datetime) -> Notice | None:
    row = Approval.objects.filter(id=approval, state=Approval.State.ASKED, expires_at__gt=now).first()
    if row is None:
        return None
    until = f"{row.expires_at:%Y-%m-%d %H:%M} UTC"
    text = f"Somebody asked for: {row.act}.\nApproval {row.id} waits for a second person until {until}.\n"
    return Notice("an approval waits", text, row.asker_id)


def _began(glass: UUID, now: datetime) -> Notice | None:
    row = BreakGlass.objects.filter(id=glass, ends_at__gt=now).first()
    if row is None:
        return None
    text = f"Break-glass {row.id} is open until {row.ends_at:%Y-%m-%d %H:%M} UTC. Any officer can end it now.\n"
    return Notice("break-glass was opened", text, row.user_id)


def _ended(glass: UUID, now: datetime) -> Notice | None:
    row = BreakGlass.objects.filter(id=glass, ends_at__lte=now, reviewed_at=None).first()
    if row is None:
        return None
    text = f"Break-glass {row.id} is over and waits for a review by somebody else than its holder.\n"
    return Notice("a break-glass waits for its review", text, row.user_id)


NOTICES: Final[Mapping[str, Callable[[UUID, datetime], Notice | None]]] = {
    "approval.asked": _approval,
    "break_glass.opened": _began,
    "break_glass.ended": _ended,
}


def _people(tenant: UUID, but: UUID) -> list[User]:
    """Return the officers of the tenant with an address, but one, by id."""
    officers = User.objects.filter(
        memberships__tenant_id=tenant, memberships__role__in=SECONDERS, memberships__ended_at=None, is_active=True
    )
    return list(officers.exclude(id=but).exclude(email="").order_by("id").distinct())


def _mail(notice: Notice, address: str) -> None:
    try:
        send_mail(f"Threadvault: {notice.subject}", notice.text, None, [address])
    except (OSError, SMTPException) as error:
        raise Later(type(error).__name__, AGAIN_SECONDS) from None  # No text of it: it may hold an address.
