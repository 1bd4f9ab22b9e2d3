"""Errors of receiving."""


class IngestError(Exception):
    """Base of this part; `status` is for people who read the code, the table of statuses is in `web`."""

    code = "ingest.error"


class KeyReused(IngestError):
    """The idempotency key was used for another body."""

    code = "ingest.key_reused"


class ProducerRefused(IngestError):
    """The sender may not append to this tenant."""

    code = "ingest.refused"
