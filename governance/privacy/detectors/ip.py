"""IP addresses: dotted quads (RFC 791) and IPv6 text (RFC 4291 section 2.2, RFC 5952)."""

import ipaddress
import re
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import DIGITS, Document, stands_alone
from governance.privacy.detectors.context import speaks_for
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_V4 = pattern(rb"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}")
_V6 = pattern(rb"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]{1,38}(?:\.\d{1,3}){0,3}")
_VERSION = re.compile(r"(?:(?<![a-z])(?:v|ver|version|release|build|rev|section|sec|chapter|§)|版本号?|章节?)[\s:.]{0,3}$")
_FEWEST_GROUPS = 3
_NAMED_BELOW = 10


def _version(doc: Document, start: int) -> bool:
    return bool(_VERSION.search(doc.before(start, 12)))


def _joined(doc: Document, start: int, end: int) -> bool:
    """Tell whether the quad is a part of a longer dotted number."""
    after = doc.text[end : end + 2]
    return doc.char(start - 1) == "." or (after[:1] == "." and after[1:] in DIGITS and len(after) > 1)


def _judge_v4(doc: Document, start: int, end: int) -> tuple[Tier, str] | None:
    try:
        address = ipaddress.IPv4Address(doc.text[start:end])
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified or doc.text.startswith("255.", start) or _version(doc, start):
        return None
    if max(address.packed) < _NAMED_BELOW:
        return (Tier.CONTEXTUAL if speaks_for(doc, Kind.IP, start, end) else Tier.WEAK), "ipv4-small"
    return Tier.VALIDATED, "ipv4"


def find_v4(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield IPv4 addresses; loopback, unspecified and net masks say nothing about anyone."""
    for match in _V4.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        if not stands_alone(doc, start, end) or _joined(doc, start, end):
            continue
        verdict = _judge_v4(doc, start, end)
        if verdict:
            yield Span(start, end, Kind.IP, *verdict)


def _judge_v6(doc: Document, start: int, end: int) -> tuple[Tier, str] | None:
    source = doc.text[start:end]
    if source.count(":") < 2 or DIGITS.isdisjoint(source):  # noqa: PLR2004  # two colons at least, RFC 4291
        return None
    try:
        address = ipaddress.IPv6Address(source)
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified:
        return None
    # `a1::b2` is a name in C++ as well.
    if len(source.replace("::", ":").strip(":").split(":")) < _FEWEST_GROUPS:
        return (Tier.CONTEXTUAL if speaks_for(doc, Kind.IP, start, end) else Tier.WEAK), "ipv6-short"
    return Tier.VALIDATED, "ipv6"


def find_v6(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield IPv6 addresses, with an embedded IPv4 tail as well."""
    for match in _V6.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span()
        if doc.char(end - 1) == ":" and doc.char(end - 2) != ":":
            end -= 1
        if not stands_alone(doc, start, end) or doc.char(start - 1) == ":":
            continue
        verdict = _judge_v6(doc, start, end)
        if verdict:
            yield Span(start, end, Kind.IP, *verdict)


RULES = (
    Rule("ipv4", rb"\d\.\d{1,3}\.\d{1,3}\.\d", find_v4),
    Rule("ipv6", rb"[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:|::[0-9A-Fa-f]", find_v6),
)
