"""Addresses of the web that say something of a person: RFC 3986 with `http`, `https`, `ftp`, or a leading `www.`.

Most links in a chat are public. One is personal where it names an account (user part, `/users/`, `@name`), where a
label calls it somebody's site, or where the sentence is one of somebody's own doing ("I've shared files with you").
"""

import re
from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, continues
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_HEAD = pattern(rb"(?i:https?://|ftp://|www\.)[A-Za-z0-9\xc0-\xff]")
_REST = pattern(rb"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%\xc0-\xff-]{0,1000}")
_ACCOUNT = re.compile(
    r"://[^/?#\s]{1,200}@|/@[a-z0-9_.-]{2,}|/~[a-z0-9_]{2,}|"
    r"/(?:users?|u|profiles?|people|members?|accounts?|in|home)/[a-z0-9_.%-]{2,}|"
    r"[?&](?:user(?:_?(?:id|name))?|uid|email|e-mail|phone|name|account|token|key|sig(?:nature)?|auth|session(?:id)?)=[^&\s]"
)
_LABEL = re.compile(
    r"(?:(?<![a-z])(?:web ?site|homepage|home page|blog|portfolio|profile|linkedin)[ \t]{0,2}[:=]|"
    r"(?<![a-z])(?:my|his|her|their|our) (?:personal |own |new )?(?:web ?site|homepage|home page|site|page|link|blog|"
    r"portfolio|profile|linkedin)(?: is)?[ \t]{0,2}:?|(?:个人主页|我的主页|我的博客|我的网站|博客)[是为: \t]{0,3})\s{0,3}$"
)
_OWN: Final = re.compile(
    r"(?<![a-z])(?:i|i've|i'm|we|we've)(?![a-z])[^.!?\n]{0,40}(?:shared?|posted?|upload(?:ed)?)|"
    r"(?:^|[.!?\n]\s{0,2})just (?:shared|posted|uploaded)"
)
_NEAR: Final = 64
_TRAILING: Final = ".,;:!?'\")]*_"


def _end(doc: Document, start: int, budget: Budget) -> int:
    end = start
    while (further := _REST.match(doc.image, end).end()) > end:
        budget.spend()
        end = further
    while end > start and doc.text[end - 1] in _TRAILING:
        end -= 1
    return end


def _personal(doc: Document, start: int, end: int) -> str:
    if _ACCOUNT.search(doc.folded, start, min(end, start + 2000)):
        return "url-account"
    before = doc.before(start, _NEAR)
    return "url-labelled" if _LABEL.search(before) or _OWN.search(before) else ""


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield links that name an account or that somebody calls their own."""
    done = low
    for match in _HEAD.finditer(doc.image, low, high):
        budget.spend()
        start = match.start()
        if start < done or (start > 0 and continues(doc, start)):
            continue
        done = _end(doc, match.end(), budget)
        rule = _personal(doc, start, done)
        if rule:
            yield Span(start, done, Kind.URL, Tier.CONTEXTUAL, rule)


RULES = (Rule("url", rb"(?i:https?://|ftp://|www\.)[A-Za-z0-9\xc0-\xff]", find),)
