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
    """A checkpoint was due, and an entry or the checkpoint before it does not fit: nothing is signed."""

    code = "audit.chain_broken"


class SignerMissing(AuditError):
    """This installation has no key that signs checkpoints."""

    code = "audit.signer_missing"


class SinkRefused(AuditError):
    """A sink in the configuration is not one: another scheme, no place, or http to another machine."""

    code = "audit.sink_refused"


class SinkFailed(AuditError):
    """A sink did not take a checkpoint; it is delivered again at the next schedule."""

    code = "audit.sink_failed"


class VerdictUnsigned(AuditError):
    """The verdict that stands in the database was not signed by this installation: it is not believed."""

    code = "audit.verdict_unsigned"


class UnknownVerification(AuditError):
    """This tenant has no such verification."""

    code = "audit.verification_unknown"
