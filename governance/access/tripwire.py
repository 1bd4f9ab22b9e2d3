"""The tripwire: finds a grant that a fault left open where work begins or ends, ends it and puts it on the record.

A grant closes with its block, and every request and task has a context of its own; so none is ever found. One that is
found means that some code holds a grant past its work: whoever runs the worker lets it finish and takes a new one.
"""

import logging

from governance.access.granting import current
from governance.audit.errors import RecordRefused
from governance.audit.recording import record_now

logger = logging.getLogger(__name__)


def trip(place: str) -> bool:
    """Return whether a grant was open in this context; it is closed and recorded. `place` says where, and no content."""
    left = current()
    if left is None or not left.open:
        return False
    left.close()
    logger.error("Grant %s was left open, found at the %s; this worker is recycled.", left.id, place)
    actor, tenant = left.principal.as_actor(), left.principal.tenant_id
    try:
        record_now(tenant=tenant, event="grant.left_open", **actor, grant=str(left.id), opened=left.opened, place=place)
    except RecordRefused:
        logger.exception("The tripwire's entry could not be written.")
    return True
