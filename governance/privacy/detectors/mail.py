"""E-mail addresses (RFC 5322 dot-atom, RFC 5321 lengths), with letters of RFC 6531."""

import re
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_ADDRESS = pattern(
    rb"[A-Za-z0-9\xc0-\xfe.!#$%&'*+/=?^_`{|}~-]{1,64}(?:@|%40)"
    rb"(?:[A-Za-z0-9\xc0-\xfe](?:[A-Za-z0-9\xc0-\xfe-]{0,61}[A-Za-z0-9\xc0-\xfe])?\.){1,8}(?:xn--[A-Za-z0-9-]{2,20}|[A-Za-z]{2,24})"
)
# Letters of European scripts that are not in Latin-1 and so are not in the image.
_OTHER_LETTER = re.compile("[\u00c0-\u052f]")
_LOCAL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-")
# A path, a query or a name in front, as in `/?to=bob@example.org` and `email=bob@example.org`.
_NOT_LOCAL = re.compile(r"(?:[^@]{0,384}[/?&])?(?:[a-z_]{1,16}=)?")
_QUOTES = "'`\"/=?*|{}&#!^~.$%"
# `logo@2x.png` is a picture for a dense screen.
_FILES = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "css", "js", "ts", "py", "json", "yml", "yaml"})
_ENDS_AUTHORITY = re.compile(r"[\s/@]")
_LONGEST_LOCAL = 320


def _start_of_local(doc: Document, start: int, at: int) -> int:
    """Extend to the left over letters that the image does not hold and trim what belongs to prose or a URL."""
    floor = max(0, start - _LONGEST_LOCAL)
    while start > floor and (doc.text[start - 1] in _LOCAL or _OTHER_LETTER.match(doc.text[start - 1])):
        start -= 1
    head = _NOT_LOCAL.match(doc.folded, start, at)
    start = head.end() if head else start
    while doc.text[start] in _QUOTES:
        start += 1
    return start


def _plausible(doc: Document, start: int, at: int, end: int) -> bool:
    if at <= start or doc.folded[doc.folded.rfind(".", at, end) + 1 : end] in _FILES:
        return False
    if doc.text[start:at] == "git" and doc.char(end) == ":":
        return False
    return not _in_credentials(doc, at)


def _in_credentials(doc: Document, at: int) -> bool:
    """Tell whether a `scheme://user:password` ends at `at`; that is a finding of another rule."""
    floor = max(0, at - _LONGEST_LOCAL)
    scheme = doc.text.rfind("://", floor, at)
    if scheme < 0:
        return False
    authority = doc.text[scheme + 3 : at]
    return ":" in authority and not _ENDS_AUTHORITY.search(authority)


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield addresses whose local part begins in the window."""
    for match in _ADDRESS.finditer(doc.image, low, high):
        budget.spend()
        end = match.end()
        at = max(doc.image.rfind(sign, match.start(), end) for sign in (b"@", b"%40"))
        start = _start_of_local(doc, match.start(), at)
        if _plausible(doc, start, at, end):
            yield Span(start, end, Kind.EMAIL, Tier.VALIDATED, "email")


RULES = (Rule("email", rb"(?:@|%40)[A-Za-z0-9\xc0-\xfe]", find),)
