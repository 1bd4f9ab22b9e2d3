"""The chain with its signed heads as lines that an auditor takes along and verifies without this installation.

Who takes it is on the record before a byte of it leaves, and that entry is the last of what is sent. It is read page by
page, each in a transaction of its own: nothing is held while the reader is slow. Whoever loses the right meanwhile gets no
further page, and no last line.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from governance.access.acting import require
from governance.access.authorising import check_still
from governance.access.errors import AccessDenied
from governance.audit.chain import Link
from governance.audit.checkpointing import head_of, links_page
from governance.audit.heads import SignedHead
from governance.audit.models import Checkpoint
from governance.audit.offline import export_lines
from governance.audit.recording import record_now
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope

ACTION: Final = "read_audit"
PAGE: Final = 2_000


def carry(*, principal: Principal, now: datetime) -> Iterator[bytes]:
    """Return the lines of the tenant's chain up to now. Raises AccessDenied (recorded), RecordRefused."""
    require(principal=principal, action=ACTION, now=now)
    tenant = principal.tenant_id
    signed = _last_signed(tenant)
    recorded = record_now(tenant=tenant, event="audit.exported", **principal.as_actor(), signed=signed)
    return _while_allowed(principal, chain_lines(tenant=tenant, end=recorded.sequence, signed=signed))


def _while_allowed(principal: Principal, lines: Iterator[str]) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        if number % PAGE == 0 and not _may_go_on(principal, datetime.now(UTC)):
            return
        yield line.encode()


def _may_go_on(principal: Principal, now: datetime) -> bool:
    try:
        check_still(principal=principal, action=ACTION, now=now)
        require(principal=principal, action=ACTION, now=now)
    except AccessDenied:
        return False
    return True


def chain_lines(*, tenant: UUID, end: int | None = None, signed: int | None = None) -> Iterator[str]:
    """Return the lines of a chain up to the entry `end` with the signed heads up to `signed`, or of all that is there.

    A head behind the last entry is sent as well: it proves that entries are missing.
    """
    signed = _last_signed(tenant) if signed is None else signed
    heads = _heads(tenant, signed if end is None else max(signed, end))
    return export_lines(tenant=tenant, links=_links(tenant, end), heads=heads)


def _last_signed(tenant: UUID) -> int:
    with tenant_scope(tenant, using="audit"):
        rows = Checkpoint.objects.using("audit").filter(tenant_id=tenant).order_by("-sequence")
        return rows.values_list("sequence", flat=True).first() or 0


def _links(tenant: UUID, end: int | None) -> Iterator[Link]:
    after = 0
    while True:
        with tenant_scope(tenant, using="audit"):
            page = links_page(tenant=tenant, sequence=after, limit=PAGE, using="audit")
        yield from (link for link in page if end is None or link.sequence <= end)
        if len(page) < PAGE or (end is not None and page[-1].sequence >= end):
            return
        after = page[-1].sequence


def _heads(tenant: UUID, upto: int) -> Iterator[SignedHead]:
    after = 0
    while True:
        with tenant_scope(tenant, using="audit"):
            rows = Checkpoint.objects.using("audit").filter(tenant_id=tenant, sequence__gt=after, sequence__lte=upto)
            page = [head_of(row) for row in rows.order_by("sequence")[:PAGE]]
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].sequence
