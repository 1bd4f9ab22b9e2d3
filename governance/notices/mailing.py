"""Mail to people of a tenant: that something waits for them, never what it is about."""

from datetime import datetime
from uuid import UUID

from django.core.mail import send_mail

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
        addresses = _addresses(tenant, approval)
        for address in addresses:
            sent += send_mail("Threadvault: an approval waits", _text(approval), None, [address])
    return sent


def _text(approval: Approval) -> str:
    return f"Somebody asked for: {approval.act}.\nApproval {approval.id} waits for a second person.\n"


def _addresses(tenant: UUID, approval: Approval) -> list[str]:
    people = User.objects.filter(
        memberships__tenant_id=tenant, memberships__role__in=SECONDERS, memberships__ended_at=None, is_active=True
    )
    return list(people.exclude(id=approval.asker_id).exclude(email="").values_list("email", flat=True).distinct())
