"""The Cedar schema of a tenant and the policies that it starts with.

Every call passes the schema: without it a `forbid` that meets a missing attribute is skipped and the permit wins.
"""

from typing import Final

CONTENT_ACTIONS: Final = ("list", "read_redacted", "search", "export", "read_source", "copy_revealed", "classify")
TENANT_ACTIONS: Final = (
    "append",
    "erase",
    "manage_requests",
    "manage_holds",
    "manage_retention",
    "release_statistics",
    "second",
    "manage_keys",
    "manage_policies",
    "manage_members",
    "manage_tokens",
    "manage_jobs",
    "read_audit",
    "explain",
    "break_glass",
)


def _names(actions: tuple[str, ...]) -> str:
    return ", ".join(f'"{action}"' for action in actions)


CEDAR_SCHEMA: Final = f"""
type Context = {{
    purpose: String, second_factor: Bool, epoch_seconds: Long, minute_of_day: Long, weekday: Long
}};
entity Principal = {{ roles: Set<String>, kind: String }};
entity Conversation = {{ collection: String, classification: Long, held: Bool, restricted: Bool }};
entity Tenant;
action {_names(CONTENT_ACTIONS)} appliesTo {{ principal: [Principal], resource: [Conversation], context: Context }};
action {_names(TENANT_ACTIONS)} appliesTo {{ principal: [Principal], resource: [Tenant], context: Context }};
"""


def _permit(name: str, role: str, actions: tuple[str, ...], condition: str = "") -> str:
    listed = ", ".join(f'Action::"{action}"' for action in actions)
    extra = f" && {condition}" if condition else ""
    return (
        f'@id("{name}")\npermit (principal, action in [{listed}], resource)\n'
        f'when {{ principal.roles.contains("{role}"){extra} }};\n'
    )


_READ_REDACTED = ("list", "read_redacted", "search", "export")
_PRIVACY_ACTS = ("erase", "manage_requests", "manage_holds", "manage_retention", "release_statistics", "second")
_KEY_ACTS = ("manage_keys", "manage_policies", "manage_members", "manage_tokens", "manage_jobs", "second")

_WORKERS_PURPOSE: Final = (
    '@id("people-do-not-classify")\nforbid (principal, action, resource is Conversation)\n'
    'when { principal.kind == "person" && context.purpose == "classification" };\n'
)

SEED_POLICIES: Final = {
    "people-do-not-classify": _WORKERS_PURPOSE,
    "analysts-read-redacted": _permit("analysts-read-redacted", "analyst", _READ_REDACTED),
    "privacy-officers-read-redacted": _permit("privacy-officers-read-redacted", "privacy_officer", _READ_REDACTED),
    "privacy-officers-read-source": _permit(
        "privacy-officers-read-source",
        "privacy_officer",
        ("read_source", "copy_revealed"),
        'context.second_factor && context.purpose != "training"',
    ),
    "privacy-officers-act": _permit("privacy-officers-act", "privacy_officer", _PRIVACY_ACTS),
    "security-officers-act": _permit("security-officers-act", "security_officer", _KEY_ACTS),
    "auditors-read-audit": _permit("auditors-read-audit", "auditor", ("read_audit", "explain")),
    "privacy-officers-break-glass": _permit("privacy-officers-break-glass", "privacy_officer", ("break_glass",)),
    "security-officers-break-glass": _permit("security-officers-break-glass", "security_officer", ("break_glass",)),
    "producers-append": _permit("producers-append", "producer", ("append",)),
    "workers-classify": _permit(
        "workers-classify",
        "worker",
        ("classify",),
        'principal.kind == "service" && context.purpose == "classification"',
    ),
}
