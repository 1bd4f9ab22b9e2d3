"""Words near a candidate that say what it is, or what it is not, in English and Chinese.

Windows are at most 48 characters, so the standard `re` with its look-around is safe here: a bounded window bounds the
work of any pattern.
"""

import re

from governance.privacy.detectors.characters import Document
from governance.privacy.detectors.spans import Kind

WIDTH = 32
_BEHIND = 24


def _words(latin: str, chinese: str) -> re.Pattern[str]:
    """Latin words must not continue a word on their left (`hotel` is no `tel`); Chinese has no word boundary.

    Where a space may stand between two words, the `_` or `-` of names in code and data may stand as well.
    """
    joined = latin.replace(" ?", "[ _-]?")
    return re.compile(rf"(?<![a-z])(?:{joined})(?![a-z])|{chinese}")


_FOR = {
    Kind.PHONE: _words(
        r"(?:tele)?phones?|phone ?(?:no|num(?:ber)?)?|tel|telefon|mobiles?|mob|cell|cellphone|handset|fax|desk ?:|"
        r"call(?:ing|ed)?|dial|ring|contact(?:ing|ed)?|whatsapp|viber|sms|text (?:me|us|him|her)|landline|hotline|"
        r"helpline|reach(?:ed)?|messages? (?:to|at|on)|numbers? (?:is|are|you|for)|"
        r"(?:his|her|their|my|our|your) number",
        "电话|電話|手机|手機|座机|传真|热线|致电|拨打|联系方式|联系|短信|来电|客服|号码是|联络|打$",
    ),
    Kind.CARD: _words(
        r"(?:credit|debit|bank|payment|gift)? ?cards?|card ?(?:no|num(?:ber)?)|cc|pan|visa|master ?card|amex|maestro|"
        r"discover|jcb|unionpay|acct|account",
        "卡号|银行卡|信用卡|借记卡|储蓄卡|账户|账号|帐号|帐户|银联|收款|刷卡",
    ),
    Kind.IP: _words(
        r"ip(?: ?v[46])?|ips|host|server|addr(?:ess)?|client|remote|gateway|dns|ping|ssh|subnet",
        "服务器|地址|登录|主机|网关",
    ),
    Kind.RESIDENT_ID: _words(
        r"id ?(?:card|no|num(?:ber)?)|identity|resident id|citizen|national id|shenfenzheng|sfz|id",
        "身份证|身份號|身份号|公民身份|证件号|证件|证号",
    ),
    Kind.SSN: _words(r"ssn|ss ?#|social(?: security)?(?: (?:no|num(?:ber)?))?|itin|taxpayer", "社保号|社会安全号"),
    Kind.POSTCODE: _words(r"post ?codes?|postal(?: codes?)?|zip(?: codes?)?|post ?code", "邮编|邮政编码"),
    Kind.PASSPORT: _words(r"passports?", "护照|通行证"),
    Kind.CREDIT_CODE: _words(
        r"uscc|credit code|tax(?:payer)? ?(?:id|no|num(?:ber)?)", "信用代码|税号|纳税人|营业执照|机构代码"
    ),
    Kind.PLATE: _words(
        r"(?:licen[cs]e|number|car) ?plates?|plates?|cars?|vehicles?|parking|parked",
        "车牌|牌照|号牌|车号|我的车|的车|轿车|货车|停在|停车|挪车|开车|违章",
    ),
}

_AGAINST = re.compile(
    r"(?:(?<![a-z])(?:order|tracking|upc|ean|gtin|imei|count|rows?|bytes|invoice|ticket|isbn|issn|version|ver|v|build|timestamp|time|ts|epoch|price|total|"
    r"amount|sku|serial|reference|ref|confirmation|booking|reservation|transaction|uuid|commit|sha\d*|lat(?:itude)?|"
    r"lng|lon(?:gitude)?|date|year|ssn|social security|passport|qq)(?: ?(?:no|num|number|id|code|号))?|"
    r"订单号|订单编号|订单|单号|运单|快递|流水号|时间戳|护照|版本号|版本|日期|价格|金额|编号|总价|票房|邮编)"
    r"(?: (?:is|was)|是|为|一共)?[\s:#=.\"']{0,4}$"
)
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹]|usd|eur|gbp|rmb|cny) ?$")
_MONEY_AFTER = re.compile(r" ?(?:元|块|万|亿|美元|dollars?|euros?|usd|rmb|%|km|公里|米|年|月)")

# What stands behind the end of the sentence speaks of something else.
_CLAUSE = re.compile(r"[.。!?！？;；\n]")
# A label behind a number, as on a letterhead: `655 437 108 office`.
_LABEL_BEHIND = re.compile(r" ?\(?(?:office|home|work|direct)(?: ?[,)]| ?$)")


def speaks_for(doc: Document, kind: Kind, start: int, end: int, *, width: int = WIDTH) -> bool:
    """Tell whether the key of the leaf, the text before or the text just after names `kind`."""
    words = _FOR[kind]
    behind = _CLAUSE.split(doc.after(end, _BEHIND), maxsplit=1)[0]
    return bool(
        (doc.context and words.search(doc.context))
        or words.search(doc.before(start, width))
        or words.search(behind)
        or (kind is Kind.PHONE and _LABEL_BEHIND.match(behind))
    )


def names(kind: Kind, words: str) -> bool:
    """Tell whether words, such as the head of a column, name `kind`."""
    return _FOR[kind].search(words) is not None


def speaks_against(doc: Document, start: int, end: int) -> bool:
    """Tell whether the words right before or after make it an order, a date, a price or the like."""
    return names_another(doc, start) or is_money(doc, start, end)


def names_another(doc: Document, start: int) -> bool:
    """Tell whether the words right before name another kind of number."""
    return bool(_AGAINST.search(doc.before(start, 24) or doc.context))


def is_money(doc: Document, start: int, end: int) -> bool:
    """Tell whether a currency or a unit stands right before or after."""
    return bool(_MONEY_BEFORE.search(doc.before(start, 8) or doc.context) or _MONEY_AFTER.match(doc.after(end, 8)))
