"""Errors of receiving."""


class IngestError(Exception):
    """Base of this part; `status` is for people who read the code, the table of statuses is in `web`."""

    code = "ingest.error"


class KeyReused(IngestError):
    """The idempotency key was used for another request."""

    code = "ingest.key_reused"


class KeyInvalid(IngestError):
    """The header holds no idempotency key."""

    code = "ingest.key_invalid"


class KeyBusy(IngestError):
    """The request with this key is being carried out, or was cut off."""

    code = "ingest.key_busy"


class ReplyNotKept(IngestError):
    """The request was carried out, and its answer is not kept."""

    code = "ingest.reply_not_kept"


class ProducerRefused(IngestError):
    """The sender may not append to this tenant."""

    code = "ingest.refused"
