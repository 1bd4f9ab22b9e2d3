"""Which HTTP status an error code of the domain has; a prefix ends with a dot. A code without a row is a 500."""

from typing import Final

STATUSES: Final = {
    "access.break_glass_unknown": 404,
    "access.emergency": 409,
    "access.policy": 409,
    "access.policy_invalid": 422,
    "access.policy_unknown": 404,
    "access.purpose": 422,
    "approvals.unknown": 404,
    "approvals.": 409,
    "audit.record_refused": 503,
    "batch.too_large": 413,
    "body.too_large": 413,
    "batch.too_many": 413,
    "batch.media_type": 415,
    "batch.": 400,
    "break_glass.needed": 403,
    "cursor.invalid": 400,
    "encoding.": 400,
    "field.": 422,
    "format.": 422,
    "grant.": 403,
    "identity.member_refused": 409,
    "identity.member_unknown": 404,
    "identity.not_a_member": 403,
    "identity.token_invalid": 401,
    "identity.token_refused": 422,
    "identity.token_unknown": 404,
    "ingest.key_reused": 409,
    "ingest.refused": 403,
    "integrity_failure": 500,
    "item.": 422,
    "detect.input": 400,
    "profiles.unknown": 404,
    "profiles.invalid": 422,
    "profiles.refused": 409,
    "findings.unknown": 404,
    "findings.place": 422,
    "jobs.unknown": 404,
    "jobs.state": 409,
    "json.": 400,
    "keys.": 503,
    "limits.away": 503,
    "limits.exceeded": 429,
    "messages.": 422,
    "policy.": 403,
    "privacy.held": 409,
    "privacy.unknown_subject": 404,
    "purpose.missing": 400,
    "purpose.": 403,
    "query.": 400,
    "role.": 422,
    "second_factor.needed": 403,
    "second_factor.tries": 429,
    "second_factor.": 403,
    "text.": 422,
    "ticket.": 403,
    "token.scope": 403,
    "token.service": 403,
    "vault.not_found": 404,
    "vault.raced": 503,
    "view.unknown": 400,
}


def status_of(code: str) -> int:
    """Return the status of `code`: its own row, else that of its prefix, else 500."""
    if code in STATUSES:
        return STATUSES[code]
    prefix = code.split(".", 1)[0] + "."
    return STATUSES.get(prefix, 500)
