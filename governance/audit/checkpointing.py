"""Signs the head of a chain and hands it to a sink, so that cutting or rewriting the chain shows."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from governance.audit.models import AuditEntry, Checkpoint
from governance.audit.verifying import checkpoint_bytes
from governance.crypto.signing import SigningKey

Sink = Callable[[UUID, int, bytes, bytes], None]


def sign_head(*, tenant: UUID, signer: SigningKey, sink: Sink | None, now: datetime) -> Checkpoint | None:
    """Sign the newest entry of the chain; call it inside the tenant's scope. None where it is signed already or empty.

    `sink` receives tenant, sequence, head hash and signature, and keeps them where the database cannot reach.
    """
    head = AuditEntry.objects.filter(tenant_id=tenant).order_by("-sequence").first()
    if head is None or Checkpoint.objects.filter(tenant_id=tenant, sequence=head.sequence).exists():
        return None
    digest = bytes(head.hash)
    signature = signer.sign(checkpoint_bytes(tenant=tenant, sequence=head.sequence, head_hash=digest))
    checkpoint = Checkpoint.objects.create(
        tenant_id=tenant,
        sequence=head.sequence,
        head_hash=digest,
        signed_at=now,
        public_key=signer.public,
        signature=signature,
    )
    if sink is not None:
        sink(tenant, head.sequence, digest, signature)
    return checkpoint
