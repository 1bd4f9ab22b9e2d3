"""A secret by its name: `api_key = "..."`, `Authorization: Bearer ...`, `密钥是...`, a JSON member called `token`."""

import re
from typing import Any, Final

from governance.privacy.detectors import entropy
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import pattern
from governance.privacy.detectors.runs import Runs
from governance.privacy.detectors.spans import Kind, Span, Tier

KEYWORDS: Final = (
    "api_key", "apikey", "api-key", "api key", "access_key", "access-key", "accesskey", "access key", "secret_key",
    "secret-key", "secretkey", "secret key", "client_secret", "client-secret", "clientsecret", "app_secret",
    "appsecret", "auth_token", "auth-token", "authtoken", "access_token", "access-token", "accesstoken",
    "refresh_token", "refreshtoken", "id_token", "session_token", "private_key", "privatekey", "encryption_key",
    "signing_key", "account_key", "accountkey", "sharedaccesskey", "bearer", "secret", "token", "password", "passwd",
    "pwd", "passphrase", "passcode", "pass", "密钥", "秘钥", "令牌",
    "密码", "口令",
)  # fmt: skip
_GIVEN: Final = rb"[\"'`\]>*]{0,3}[ \t]{0,4}(?:=>|:=|==?|:)[ \t]{0,4}[\\]?[\"'`]?"
_CHARS: Final = rb"[A-Za-z0-9_.+/=~$%!^&*#?@-]"
# An assignment of the value in code, configuration, headers or prose; `.match` begins right after the keyword.
_ASSIGNED = pattern(
    rb"[A-Za-z0-9_-]{0,24}[\"'`\]\\*]{0,3}[ \t]{0,4}(?:=>|:=|==?|:|\bis\b)[ \t]{0,4}(?:str[ \t]{0,2}=[ \t]{0,2})?"
    rb"(?:Bearer |Token )?[\\]?[\"'`]?(" + _CHARS + rb"{6})"
)
# `pass` begins many other words, so nothing stands between it and the sign.
_PASS = pattern(_GIVEN + rb"(" + _CHARS + rb"{6})")
# `password for the router is ...`, `passphrase has been changed to ...`.
_PROSE = pattern(
    rb"(?:[ ](?:for|to|of|on)[ ][^.\n:=\x1a\x80-\x9f]{1,40}?)?[ ]"
    rb"(?:(?:is |was |has been )?(?:now|changed to|set to|reset to)|is|was)"
    rb"[ :]{1,3}[\"'`]?(" + _CHARS + rb"{6})"
)
_BEARER = pattern(rb"[ \t]{1,4}[\"'`]?([A-Za-z0-9_.+/=~-]{16})")
# The image holds one mark for each Chinese character: `密钥是`, `令牌为`, `密钥：` (already `:`).
_CHINESE = pattern(rb"[\x1a\x80-\x8e\x90-\x9f]{0,6}[\"'`*\\]{0,3}[ \t]{0,2}[:=]?[ \t]{0,2}[\\]?[\"'`]?(" + _CHARS + rb"{6})")
_VALUE = pattern(rb"[A-Za-z0-9_.+/=~$%!^&*#?@-]{0,1000}")
_LEAF = pattern(rb"[^\s\x1a\x80-\x9f]{6,1000}")
_PLAIN_SIGN = re.compile(r"[\"'`\\*]{0,3}\s{0,4}(?:[:=]|=>|is |是|为|就是){1,2}\s{0,4}[\\\"'`]{0,2}")
_CODE = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z_]+)+|[a-z]+(?:[_-][a-z]+)*|[A-Z]+(?:_[A-Z]+)*|[A-Za-z]+")
_SECRET_KEYS = re.compile(
    r"(?<![a-z])(?:api ?key|access ?key|secret(?: ?key)?|client secret|app ?secret|(?:auth|access|refresh|id|session) ?"
    r"token|token|private ?key|account ?key|authorization|password|passwd|pwd|passphrase|"
    r"(?:db|user|admin|root|smtp|mysql|redis|login) ?pass)(?![a-z])|密钥|秘钥|令牌|密码|口令"
)
_PASSWORD_KEYS = re.compile(r"(?<![a-z])(?:password|passwd|pwd|passphrase|[a-z]+ ?pass)(?![a-z])|密码|口令")
_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase", "passcode", "pass", "密码", "口令"})
_LONG_PASSWORD = 8
_SHORTEST_KEY = 12
_FEWEST_BITS = 3.0
_FEWEST_PASSWORD_BITS = 2.5
_FEWEST_CLASSES = 2


def random_enough(value: str) -> bool:
    """Tell whether a value looks drawn at random: mixed classes, high entropy, no identifier, no placeholder."""
    if not _has_digit(value) or entropy.classes(value) < _FEWEST_CLASSES or _CODE.fullmatch(value):
        return False
    return entropy.bits(value) >= _FEWEST_BITS and not entropy.placeholder(value)


def password_like(value: str) -> bool:
    """Tell whether a value that is called a password is one, and no word of the sentence or of the code."""
    if entropy.classes(value) < _FEWEST_CLASSES or _CODE.fullmatch(value) or entropy.names_itself(value):
        return False
    if len(value) < _LONG_PASSWORD and not (_has_digit(value) and any(map(str.isalpha, value))):
        return False
    return entropy.bits(value) >= _FEWEST_PASSWORD_BITS and not entropy.placeholder(value)


def _has_digit(value: str) -> bool:
    return any(char in "0123456789" for char in value)


def _given(doc: Document, start: int, end: int) -> Any:
    """Match what follows the keyword up to the first characters of a value."""
    word = doc.folded[start:end]
    if word == "bearer":
        return _BEARER.match(doc.image, end)
    if word == "pass":
        inside = doc.char(start - 1).isalpha() and not (doc.char(start) == "P" and doc.char(start - 1).islower())
        return None if inside else _PASS.match(doc.image, end)
    if not word.isascii():
        return _CHINESE.match(doc.image, end)
    return _ASSIGNED.match(doc.image, end) or (_PROSE.match(doc.image, end) if word in _PASSWORDS else None)


def assigned(doc: Document, runs: Runs, start: int, end: int) -> Span | None:
    """Return the value that is given to the keyword at `start:end`, where it looks like a secret."""
    match = _given(doc, start, end)
    if match is None:
        return None
    first = match.start(1)
    last = runs.end(_VALUE, first)
    if doc.text[last - 1] == ".":
        last -= 1
    value = doc.text[first : min(last, first + entropy.SAMPLE)]
    if doc.char(last) and doc.char(last) in "([{":
        return None  # A call, an index or a template, not its value.
    if doc.folded[start:end] in _PASSWORDS:
        said = password_like(value) or (value.isdecimal() and _PLAIN_SIGN.fullmatch(doc.folded, end, first))
        return Span(first, last, Kind.PASSWORD, Tier.CONTEXTUAL, "assignment") if said else None
    if len(value) < _SHORTEST_KEY or not random_enough(value):
        return None
    return Span(first, last, Kind.API_KEY, Tier.CONTEXTUAL, "assignment")


def held_by_key(doc: Document) -> Span | None:
    """Return the whole leaf where the name of its JSON member says that it is a secret."""
    if not _SECRET_KEYS.search(doc.context) or _LEAF.fullmatch(doc.image) is None:
        return None
    if _PASSWORD_KEYS.search(doc.context) and not entropy.placeholder(doc.text):
        return Span(0, len(doc.text), Kind.PASSWORD, Tier.CONTEXTUAL, "password-member")
    if not random_enough(doc.text):
        return None
    return Span(0, len(doc.text), Kind.API_KEY, Tier.CONTEXTUAL, "secret-member")
