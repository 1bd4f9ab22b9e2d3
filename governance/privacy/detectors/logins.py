"""Passwords where a protocol or a command puts them: Basic authentication, command lines, SQL, configuration, markup.

Sources: RFC 7617 (credentials are the base64 of `user:password`); the manuals of curl, MySQL, sshpass, Redis, Docker.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from governance.privacy.detectors import entropy
from governance.privacy.detectors.assignments import password_like
from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

_BASIC = pattern(rb"(?i:\bbasic)[ \t]{1,4}([A-Za-z0-9+/]{6,1000}={0,2})")
_VALUE: Final = rb"['\"\\]{0,2}([^\s'\"\\<>\x1a\x80-\x9f]{6,64})"
_PLACES = (
    # What the manual calls a password, joined to its option: `mysql -u root -psecret`.
    pattern(rb"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{0,80}?[ ]-p" + _VALUE),
    pattern(rb"\bcurl\b[^\n|;]{0,120}?[ ](?:-u|--user)[ =]{1,2}['\"\\]{0,2}[^\s:'\"\\]{1,64}:" + _VALUE),
    pattern(rb"\bdocker login\b[^\n|;]{0,80}?[ ]-p[ ]" + _VALUE),
    pattern(rb"\b(?:sshpass[ ]-p[ ]?|redis-cli\b[^\n|;]{0,60}?[ ]-a[ ])" + _VALUE),
    pattern(rb"\b(?:requirepass|masterauth)[ ]{1,4}" + _VALUE),
    pattern(rb"[ ]--?(?:password|passwd|pass|pwd)[ ]{1,2}" + _VALUE),
    pattern(rb"\b(?i:identified by|password)[ ]{1,2}'([^'\n]{6,64})'"),
    pattern(rb"<[A-Za-z0-9_:.-]{0,24}(?i:password|passwd|pwd|passphrase|secret)>([^<>\s]{6,64})</"),
    # `define("DB_PASSWORD", "...")`, `os.environ.setdefault('DB_PASS', '...')`.
    pattern(
        rb"\([\"'][A-Za-z0-9_.-]{0,24}(?i:password|passwd|pwd|pass|secret)[\"'],[ ]{0,2}"
        rb"[\"']([^\"'\s]{6,64})[\"']"
    ),
)  # fmt: skip
_FETCHED: Final = frozenset("$<{%[")


def _credentials(value: str) -> bool:
    """Tell whether the text is base64 of printable `user:password`."""
    try:
        plain = base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return False
    password = plain.partition(":")[2]
    return bool(password) and plain.isprintable() and not entropy.names_itself(password)


def find_basic(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield the credentials of Basic authentication, in a header of any notation."""
    for match in _BASIC.finditer(doc.image, low, high):
        budget.spend(2)
        if _credentials(doc.text[slice(*match.span(1))]):
            yield Span(match.start(1), match.end(1), Kind.PASSWORD, Tier.VALIDATED, "basic-authentication")


def find_placed(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield passwords in the places of commands, statements and elements that hold one."""
    for place in _PLACES:
        for match in place.finditer(doc.image, low, high):
            budget.spend(2)
            start, end = match.span(1)
            value = doc.text[start:end].rstrip(".,;)")
            if value and value[0] not in _FETCHED and password_like(value):
                yield Span(start, start + len(value), Kind.PASSWORD, Tier.CONTEXTUAL, "password-place")


RULES = (
    Rule("basic-authentication", rb"(?i:basic)[ \t]{1,4}[A-Za-z0-9+/]{6}", find_basic),
    Rule(
        "password-place",
        rb"[ ]-p|curl|sshpass|redis-cli|requirepass|masterauth|[ ]--?(?:pass|pwd)|(?i:identified by|password) {1,2}'|"
        rb"(?i:pass[a-z]{0,6}|pwd|secret)>|(?i:pass[a-z]{0,4}|pwd|secret)[\"'],",
        find_placed,
    ),
)
