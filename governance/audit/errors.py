"""Errors of the audit part."""


class AuditError(Exception):
    """Base of this part."""

    code = "audit.error"


class RecordRefused(AuditError):
    """No record could be written, so nothing may be read or done."""

    code = "audit.record_refused"


class QueryAfterRecord(AuditError):
    """A query followed `record_with_effect` in the same transaction; the entry must be its last statement."""

    code = "audit.query_after_record"


class ChainBroken(AuditError):
    """The verification found an entry that does not fit."""

    code = "audit.chain_broken"
