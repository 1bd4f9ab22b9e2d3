"""What a page tells of a mark: which detector or person masked it, how sure it was, and by which policy it stays masked."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.console.words import kind_word
from governance.identity.principals import Principal
from governance.privacy.judging import RULE
from governance.privacy.locating import Span, sources_of_marks, spans_of
from governance.privacy.profiles.patterns import PREFIX as OWN_PATTERN
from governance.privacy.profiles.terms import RULE as DENIED_TERM
from governance.vault.records import OpenedConversation

TIERS: Final[dict[str, Promise]] = {
    "validated": gettext_lazy("validated"),
    "contextual": gettext_lazy("by its context"),
    "weak": gettext_lazy("weak"),
}


def tips_of(principal: Principal, opened: OpenedConversation) -> dict[UUID, Mapping[str, str]]:
    """Return what is known of the marks of each message of a redacted page, by the mark; one query a page."""
    if opened.view != "redacted":
        return {}
    wanted = {one.id: one.document.item for one in opened.messages if one.document is not None}
    findings = spans_of(tenant=principal.tenant_id, conversation=opened.id, records=wanted)
    policies = ", ".join(opened.policies)
    return {
        message: {mark: _tip(spans, policies) for mark, spans in sources_of_marks(wanted[message], rows).items()}
        for message, rows in findings.items()
    }


def is_of_a_profile(rule: str) -> bool:
    """Return whether a rule is none of the built-in detectors', but a tenant's own."""
    return rule == DENIED_TERM or rule.startswith(OWN_PATTERN)


def said_by(rule: str, tier: str) -> str:
    """Return what found something: a detector with how sure it was, or what a tenant's own profile says."""
    if rule == DENIED_TERM:
        return _("a term of a detection profile")
    if rule.startswith(OWN_PATTERN):
        return _("the pattern %(name)s of a detection profile") % {"name": rule.removeprefix(OWN_PATTERN)}
    return _("the detector %(rule)s (%(tier)s)") % {"rule": rule, "tier": TIERS.get(tier, tier)}


def _tip(spans: Sequence[Span], policies: str) -> str:
    by = _("a person") if all(one.rule == RULE for one in spans) else _rules(spans)
    said = {"kind": kind_word(spans[0].type), "by": by, "policies": policies or "–"}
    return _("Masked: %(kind)s, by %(by)s. You see the redacted view by %(policies)s.") % said


def _rules(spans: Sequence[Span]) -> str:
    told = dict.fromkeys(said_by(one.rule, one.tier) for one in spans)
    return ", ".join(told)
