"""Mail to people of a tenant: that something waits for them, never what it is about."""

from datetime import datetime
from uuid import UUID

from django.core.mail import send_mail

from governance.access.models import BreakGlass
from governance.approvals.models import Approval
from governance.identity.models import User
from governance.identity.roles import Role
from governance.identity.scoping import tenant_scope

SECONDERS = (Role.PRIVACY_OFFICER, Role.SECURITY_OFFICER)


def tell_of_approvals(*, tenant: UUID, since: datetime, now: datetime) -> int:
    """Mail those who may second each approval that was asked for after `since`, up to `now`; return how many mails.

    The mail holds the act's name and the approval's id; the asker gets none, nor does an account without an address.
    """
    with tenant_scope(tenant):
        asked = list(
            Approval.objects.filter(
                tenant_id=tenant, state=Approval.State.ASKED, asked_at__gt=since, asked_at__lte=now, expires_at__gt=now
            )
        )
    sent = 0
    for approval in asked:
        text = f"Somebody asked for: {approval.act}.\nApproval {approval.id} waits for a second person.\n"
        sent += _mail(tenant, "an approval waits", text, but=approval.asker_id)
    return sent


def tell_of_break_glass(*, tenant: UUID, since: datetime, now: datetime) -> int:
    """Mail the officers each break-glass that began after `since`, and each that ended and waits for a review.

    Return how many mails. Whoever holds it gets none; the mail holds ids, the ticket stays in the vault.
    """
    with tenant_scope(tenant):
        began = list(BreakGlass.objects.filter(began_at__gt=since, began_at__lte=now))
        ended = list(BreakGlass.objects.filter(ends_at__gt=since, ends_at__lte=now, reviewed_at=None))
    sent = 0
    for glass in began:
        text = f"Break-glass {glass.id} is open until {glass.ends_at:%Y-%m-%d %H:%M} UTC. Any officer can end it now.\n"
        sent += _mail(tenant, "break-glass was opened", text, but=glass.user_id)
    for glass in ended:
        text = f"Break-glass {glass.id} is over and waits for a review by somebody else than its holder.\n"
        sent += _mail(tenant, "a break-glass waits for its review", text, but=glass.user_id)
    return sent


def _mail(tenant: UUID, subject: str, text: str, *, but: UUID) -> int:
    """Mail each officer of the tenant with an address, but one; return how many mails."""
    people = User.objects.filter(
        memberships__tenant_id=tenant, memberships__role__in=SECONDERS, memberships__ended_at=None, is_active=True
    )
    addresses = people.exclude(id=but).exclude(email="").values_list("email", flat=True).distinct()
    return sum(send_mail(f"Threadvault: {subject}", text, None, [address]) for address in addresses)
