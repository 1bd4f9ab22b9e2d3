"""Accounts of QQ (five to eleven digits) and WeChat (a letter, then five to nineteen of letter, digit, `_`, `-`).

Nothing in their form tells them from other words, so their label stands right before them.
"""

import re
from collections.abc import Iterator

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.rules import Rule
from governance.privacy.detectors.spans import Kind, Span, Tier

# What stands between a label and its value in prose, code, JSON (also inside a string), Markdown and HTML.
_SIGN = r"[\"'`*\\\])]{0,4}[ \t]{0,2}(?:=>|[:=#>(]{1,2})?[ \t]{0,2}[\"'`\\(\[]{0,3}"
_QQ = re.compile(
    r"(?:(?<![a-z0-9])qq|(?<![a-z0-9])q(?=号)|扣扣|企鹅)[ \t_-]?(?:号码?|账号|帐号|群号?|邮箱|no\.?|id|number)?[ \t]{0,2}"
    r"(?:是|为|叫|就是|is)?[ \t]{0,2}" + _SIGN + r"([1-9](?:[ -]?\d){4,10})(?![\d@a-z_]|\.\d)"
)
_WECHAT = re.compile(
    r"(?:微信|薇信|v信|(?<![a-z0-9-])(?:wechat|weixin|wx|vx)|加(?:我|个|下)?v)"
    r"(?P<label>[ _-]?(?:号码?|账号|帐号|id|account|number|no\.?|user ?name|handle)?[ \t]{0,2}"
    r"(?:是|为|叫|就是|is)?[ \t]{0,2})"
    r"(?P<mark>" + _SIGN + r")(?P<id>(?!(?:wechat|weixin)(?![a-z0-9]))[a-z][a-z0-9_-]{5,19})(?![a-z0-9_-])"
)
# A word of letters is an id where nothing of a sentence or of code follows.
_GOES_ON = re.compile(r"[ \t][a-z0-9]|[.:/(=@][^\s]")
_QUOTED = re.compile(r"=[ \t]{0,2}[\"'`]")
_OWNED = re.compile(r"(?:我|你|您|他|她|本人)的?$")
_ADDED = re.compile(r"(?<![添增])加(?:我|个|下|你|他|她)?(?:的)?$")
_OFFICIAL = re.compile(r"(?<![a-z0-9])wxid_[a-z0-9]{10,22}(?![a-z0-9])")
_USER = re.compile(
    r"(?<![a-z])(?:user|member|customer|account|login)[ _-]?(?:ids?|names?)[*\"']{0,3}[ \t]{0,2}(?:is|are|:|=)[*\"' \t]{0,4}"
    r"([a-z][a-z0-9]{0,30}[_.-]?[a-z0-9_.-]{0,30})"
)
_USER_FORM = re.compile(r"(?=[^\d]*\d|[a-z]+_)[a-z0-9_.-]{4,}[a-z0-9_]")
_SAYS_ID = re.compile(r"号|id|account|number|no|user|handle")
_SIGNED = re.compile(r"[:=>是为叫]|is")
_LETTERS = re.compile(r"[a-z]+")


def find_qq(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield QQ numbers behind their label."""
    for match in _QQ.finditer(doc.folded, low, high):
        budget.spend()
        yield Span(*match.span(1), Kind.QQ, Tier.CONTEXTUAL, "qq")


def find_wechat(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield WeChat ids behind their label; a word of letters alone needs a sign, or somebody who is to add it."""
    for match in _OFFICIAL.finditer(doc.folded, low, high):
        budget.spend()
        yield Span(*match.span(), Kind.WECHAT, Tier.VALIDATED, "wechat-wxid")
    for match in _WECHAT.finditer(doc.folded, low, high):
        budget.spend()
        start, end = match.span("id")
        words = _LETTERS.fullmatch(match["id"]) is not None
        if not words or _named(doc, match):
            yield Span(start, end, Kind.WECHAT, Tier.CONTEXTUAL, "wechat")


def _named(doc: Document, match: re.Match[str]) -> bool:
    if _GOES_ON.match(doc.folded, match.end("id")):
        return False
    if _SAYS_ID.search(match["label"]):
        return _SIGNED.search(match["label"] + match["mark"]) is not None or not doc.text[match.start()].isascii()
    if _ADDED.search(before := doc.before(match.start(), 4)) or (_OWNED.search(before) and _SIGNED.search(match["label"])):
        return True
    return ":" in match["mark"] or _QUOTED.search(match["mark"]) is not None


def find_users(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield names of accounts behind their label; one has a digit or an underscore, or it could be any word."""
    for match in _USER.finditer(doc.folded, low, high):
        budget.spend()
        name = _USER_FORM.match(doc.folded, match.start(1), match.end(1))
        if name and doc.char(name.end()) != "@":
            yield Span(*name.span(), Kind.USERNAME, Tier.CONTEXTUAL, "user-name")


RULES = (
    Rule("qq", rb"(?i:qq|q\x86)|\x8c\x8c|\x1a\x1a[\x80-\x9f]?[0-9]{5}", find_qq),
    Rule("user-name", rb"(?i:user|member|customer|account|login)[ _-]?(?i:id|name)", find_users),
    Rule("wechat", rb"(?i:wechat|weixin|wxid|[wv]x)|[\x8cvV]\x8c|\x1a\x8a?[vV]", find_wechat),
)
