"""Signs chains and brings the checkpoints to the sinks, in order, and remembers how far.

No call goes out under a lock or inside a transaction: read, send, remember are three steps, and what dies between the
last two is sent again.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from governance.audit.attesting import remember, undelivered
from governance.audit.checkpointing import sign_head
from governance.audit.errors import AuditError, SinkFailed
from governance.audit.signers import audit_signer, trusted_keys
from governance.audit.sinks import Sink, configured_sinks
from governance.identity.scoping import tenant_scope

logger = logging.getLogger(__name__)


def attest(*, tenants: Iterable[UUID], now: datetime) -> int:
    """Sign and deliver what is due of each chain; return how many checkpoints were signed.

    One broken chain or sink does not stop the others; it is logged by its code, and tried again at the next call.
    """
    signer, trusted, sinks, signed = audit_signer(), trusted_keys(), configured_sinks(), 0
    for tenant in tenants:
        try:
            with tenant_scope(tenant):
                signed += len(sign_head(tenant=tenant, signer=signer, trusted=trusted, now=now))
        except AuditError as error:
            logger.error("The chain of %s was not signed: %s", tenant, error.code)  # noqa: TRY400 - no traceback, no text
        for sink in sinks:
            try:
                deliver(tenant=tenant, sink=sink, now=now)
            except SinkFailed as error:
                logger.warning("A sink of kind %s took nothing of %s: %s", sink.kind, tenant, error.code)
    return signed


def deliver(*, tenant: UUID, sink: Sink, now: datetime) -> int:
    """Send what the sink does not have yet, in order; return how many. Raises SinkFailed; nothing is lost by it."""
    sent = 0
    while True:
        with tenant_scope(tenant):
            heads = undelivered(tenant=tenant, sink=sink)
        if not heads:
            return sent
        sink.deliver(heads)
        with tenant_scope(tenant):
            remember(tenant=tenant, sink=sink, sequence=heads[-1].sequence, now=now)
        sent += len(heads)
