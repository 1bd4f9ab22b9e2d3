"""What people say of findings, as a new scan takes it: a mark of theirs is masked for good, a rejected one never again."""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from governance.privacy.detectors import Kind, Span, Tier
from governance.privacy.models import Finding
from governance.privacy.redaction import Said


def said_of(findings: Iterable[Finding]) -> dict[UUID, Said]:
    """Return what people said of each record, by its id (a message's, or a conversation's for its head).

    Findings of detectors that nobody spoke of say nothing.
    """
    masks: dict[UUID, dict[int, tuple[Span, ...]]] = defaultdict(lambda: defaultdict(tuple))
    rejected: dict[UUID, set[tuple[int, int, int, str]]] = defaultdict(set)
    for one in findings:
        record = one.message_id or one.conversation_id
        if one.state == Finding.State.REJECTED:
            rejected[record].add((one.leaf, one.start, one.end, one.type))
        elif one.source == Finding.Source.PERSON or one.state == Finding.State.CONFIRMED:
            masks[record][one.leaf] += (Span(one.start, one.end, Kind(one.type), Tier(one.tier), one.rule),)
    records = masks.keys() | rejected.keys()
    return {record: Said(dict(masks[record]), frozenset(rejected[record])) for record in records}
