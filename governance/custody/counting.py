"""Keeps the counts that pages show, so that no page counts what is stored: called by the schedule, tenant by tenant.

Figures of the record are counted entry by entry (`audit.tallying`); data keys are counted whole, where they are many, and
at most for a hundredth of the time (`keys.census`).
"""

import logging
import time
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import DatabaseError, connection

from governance.audit.tallying import MOST, tally
from governance.identity.scoping import tenant_scope
from governance.keys import census
from governance.keys.models import KeyVersion

logger = logging.getLogger(__name__)
ROUNDS: Final = 50
_COUNT: Final = (
    "SELECT k.version_id, count(*), count(DISTINCT k.conversation_id), count(DISTINCT k.owner_id),"
    " count(DISTINCT k.conversation_id) FILTER (WHERE c.held) FROM governance_datakey k"
    " LEFT JOIN governance_conversation c ON c.id = k.conversation_id WHERE k.wrapped IS NOT NULL GROUP BY k.version_id"
)


def keep_counts(*, tenant: UUID, now: datetime) -> None:
    """Count what came since the last call; what fails is logged and counted at the next one."""
    try:
        for _ in range(ROUNDS):  # A transaction a round: a long record is caught up with in pieces.
            with tenant_scope(tenant):
                if tally(tenant=tenant, now=now) < MOST:
                    break
        with tenant_scope(tenant):
            if census.is_due(now):
                _take(tenant, now)
    except DatabaseError as error:
        logger.error("The counts of %s were not kept: %s", tenant, type(error).__name__)  # noqa: TRY400 - no text


def _take(tenant: UUID, now: datetime) -> None:
    """Count the data keys of every version; one that wraps nothing is kept with zeros."""
    began = time.monotonic()
    found = {version: census.Counted() for version in KeyVersion.objects.values_list("id", flat=True)}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT)
        found |= {row[0]: census.Counted(*row[1:]) for row in cursor.fetchall()}
    census.keep(tenant=tenant, found=found, seconds=time.monotonic() - began, now=now)
