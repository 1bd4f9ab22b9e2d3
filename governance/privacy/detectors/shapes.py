"""Keys that no prefix tells but their shape does: parts of fixed alphabets and lengths around a dot, a colon, a dash.

The shapes are those of the providers' documentation. A candidate is where two parts meet; the parts around it are read
once, at most 40 characters to the left.
"""

import re
from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, stands_alone
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_MEETING: Final = (
    rb":AA[A-Za-z0-9_-]{8}|[0-9a-f]-us[0-9]|[0-9a-f]\.[A-Za-z0-9]{8}|[A-Za-z0-9]\.[0-9a-f]{8}|\.atlasv1\.|"
    rb"[A-Za-z0-9_-]\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{8}"
)
_CANDIDATE = pattern(_MEETING)
_HEAD = re.compile(r"[A-Za-z0-9_-]{8,40}$")
_LONGEST_HEAD: Final = 41
_SHAPE = re.compile(
    r"\d{8,10}:AA[\w-]{30,40}|"  # Telegram
    r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}|"  # Discord
    r"[0-9a-f]{32}\.[A-Za-z0-9]{16}|"  # Zhipu
    r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70}|"  # Terraform
    r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}|"  # Airtable
    r"[0-9a-f]{32}-us\d{1,2}",  # Mailchimp
    re.ASCII,
)


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield keys of a documented shape."""
    for match in _CANDIDATE.finditer(doc.image, low, high):
        budget.spend(3)
        middle = match.start() + (doc.char(match.start()) not in ":.")
        head = _HEAD.search(doc.text[max(0, middle - _LONGEST_HEAD) : middle])
        found = _SHAPE.match(doc.text, middle - len(head[0])) if head else None
        if found and stands_alone(doc, *found.span()):
            yield Span(*found.span(), Kind.API_KEY, Tier.VALIDATED, "key-shape")


RULES = (Rule("key-shape", _MEETING, find),)
