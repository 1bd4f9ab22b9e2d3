"""What a member of a JSON object is called: `first_name`, `dob`, `address1`, `收货人`; the value is taken as a whole.

Both where the leaf comes with its key and where the JSON stands inside a text, as tool results often do. A name in free
prose needs a model; a name that an application filed as one does not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.privacy.detectors.budget import Budget
from governance.privacy.detectors.characters import Document, words_of_key
from governance.privacy.detectors.rules import Rule, pattern
from governance.privacy.detectors.spans import Kind, Span, Tier

# Only keys that can mean something, so that the members of a long tool result cost nothing one by one.
_MEMBER = pattern(
    rb"[\"']((?:[A-Za-z][A-Za-z0-9_ .-]{0,20})?(?i:name|user[_ ]?id|login|dob|d\.o\.b|birth[a-z_ -]{0,8}|"
    rb"born(?:[_ -]?on)?|holder|address[a-z_ -]{0,8}[123]?|street[a-z_ -]{0,8}[12]?|zip[a-z_ -]{0,6}|post[a-z_ -]{0,8}|ssn|"
    rb"social[a-z_ -]{0,20}|passport[a-z_ -]{0,8}|qq[a-z_ -]{0,8}|wechat[a-z_ -]{0,8}|weixin[a-z_ -]{0,8})|"
    rb"[\x1a\x80-\x8e\x90-\x9f]{2,8})\\?[\"']"
    rb"[ \t]{0,2}:[ \t]{0,2}\\?[\"']([^\"\\\n]{1,200})\\?[\"']"
)
_DATE: Final = (
    r"(?:\d{4}[-/.年 ]{1,2}\d{1,2}[-/.月 ]{1,2}\d{1,2}日?|\d{1,2}[-/. ]\d{1,2}[-/. ](?:\d{4}|\d{2})|"
    r"\d{8}|\d{1,2}(?:st|nd|rd|th)?(?: of)? [a-z]{3,9},? \d{4}|[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})"
    r"(?:t\d\d:\d\d.{0,12})?"
)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """Which keys mean a type, and which values such a member may have; both are matched in lower case and in whole."""

    kind: Kind
    keys: re.Pattern[str]
    values: re.Pattern[str]


_NAMES = (
    r"(?:.{0,20} )?(?:first|last|given|family|middle|full|maiden|legal|contact|customer|patient|passenger|guest|employee|"
    r"student|recipient|receiver|card ?holder|account holder) ?name|surname|sur name|card ?holder|"
    r"姓名|收货人|联系人|真实姓名|收件人"
)
_ADDRESSES = (
    r"(?:.{0,20} )?(?:street|home|billing|shipping|mailing|postal|delivery|residential) ?address|address(?: ?line)? ?[123]?|"
    r"street ?[12]?|(?:.{0,6})地址|住址|家庭住址"
)


def _meaning(kind: Kind, keys: str, values: str) -> _Meaning:
    return _Meaning(kind, re.compile(keys), re.compile(values))


_MEANINGS: Final = (
    _meaning(Kind.PERSON, _NAMES, r"(?=[^\d]{0,60}[^\W\d])[^\d@/\\{}<>\[\]_:=]{1,60}"),
    _meaning(
        Kind.USERNAME,
        r"(?:.{0,12} )?user ?(?:id|name)|login|screen ?name|nick ?name|用户名|账户名|昵称",
        r"(?=[\w.@-]{0,64}[^\W\d])[\w.@-]{3,64}",
    ),
    _meaning(Kind.BIRTH_DATE, r"dob|d o b|birth ?da(?:te|y)|date of birth|born(?: on)?|出生日期|生日|出生年月日?", _DATE),
    _meaning(Kind.ADDRESS, _ADDRESSES, r"(?!.*(?:@|://))(?=.*[^\W\d_])(?=.*(?:\d|[\u4e00-\u9fff])).*[ \u4e00-\u9fff].*"),
    _meaning(Kind.ZIP, r"zip ?(?:code)?|post(?:al)? ?code|邮编|邮政编码", r"\d{5}(?:-\d{4})?|\d{6}|[a-z]\d[a-z] ?\d[a-z]\d"),
    _meaning(Kind.SSN, r"ssn|social ?security ?(?:no|num|number)?", r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    _meaning(Kind.PASSPORT, r"passport ?(?:no|num|number|id)?|护照号?码?", r"(?=.{0,9}\d)[a-z0-9]{6,9}"),
    _meaning(Kind.QQ, r"qq ?(?:no|num|number|id|号码?)?|扣扣", r"[1-9]\d{4,10}"),
    _meaning(Kind.WECHAT, r"(?:wechat|weixin|wx) ?(?:id|no|account)?|微信号?", r"[a-z][a-z0-9_-]{5,19}"),
)
_LONGEST_KEY, _LONGEST = 40, 200


def meant(words: str, value: str) -> Kind | None:
    """Return the type of a value in lower case by the words of its name; None where either does not fit."""
    if len(words) > _LONGEST_KEY or len(value) > _LONGEST:
        return None
    for meaning in _MEANINGS:
        if meaning.keys.fullmatch(words):
            return meaning.kind if meaning.values.fullmatch(value) else None
    return None


def whole_leaf(doc: Document) -> Span | None:
    """Return the whole leaf where its key says what it is."""
    kind = meant(doc.context.strip(), doc.folded.strip())
    return Span(0, len(doc.text), kind, Tier.CONTEXTUAL, "member") if kind else None


def find(doc: Document, low: int, high: int, budget: Budget) -> Iterator[Span]:
    """Yield values of members of JSON that stands inside the text."""
    for match in _MEMBER.finditer(doc.image, low, high):
        budget.spend()
        start, end = match.span(2)
        kind = meant(words_of_key(doc.text[slice(*match.span(1))]), doc.folded[start:end])
        if kind:
            yield Span(start, end, kind, Tier.CONTEXTUAL, "member")


RULES = (Rule("member", rb"[\"'][ \t]{0,2}:[ \t]{0,2}\\?[\"']", find),)
