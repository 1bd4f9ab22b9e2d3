"""ATTACKS.md I09: no text of 100 KB takes more than a second; over budget is unscanned, never clean."""

import re
import time

import pytest

from governance.privacy.detectors import BudgetExceeded, scan
from governance.privacy.detectors.assignments import KEYWORDS
from governance.privacy.detectors.scanner import RULES
from governance.privacy.detectors.tokens import PREFIXES

SIZE = 100_000
LISTED = ["1", "@", "a", "a.", "1.", "1/", "1 ", "1-", "www.", "eyJhbGciOi.", "GB12 "]
# The longest prefixes of each rule: one character short of a candidate, or a candidate that fails its check.
BY_RULE = {
    "private-key": ["-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----"],
    "age-identity": ["AGE-SECRET-KEY-1"],
    "basic-authentication": ["Basic ", "basic QQ", "Basic QUJDREVG ", "Basic " + "A" * 1000 + " "],
    "password-place": [
        "mysql ", "mysql -u root -p", "curl ", "curl -u a:", "curl --user a", "docker login -p ", "sshpass -p ", "redis-cli -a ",
        " --password ", " -p", "identified by '", "password 'a", "<password>", "<password>a", "('password', '",
    ],
    "key-shape": [
        ":AA", "12345678:AAaaaaaaaa", "a.aaaaaaaa", "0a.0a0a0a0a0a ", "a.aaaaaa.aaaaaaaa", "M" * 24 + ".aaaaaa.aaaaaaaa ",
        "a-us1", ".atlasv1.", "0" * 31 + "a.aaaaaaaa ", "pat" + "a" * 14 + ".0a0a0a0a",
    ],
    "column-table": ["|--", "|---|\n", "a|b\n|-|-|\n", "|qq|\n|---|\n|1|\n", "qq|qq\n---|---\n" + "12345|12345\n" * 50],
    "column-line": ["a,b", "qq,a\n", "qq,a\n12345,1\n", "qq\twechat\n", "信,", "QQ号,\n", "qq,ssn\n" + "12345,1\n" * 50],
    "email": ["a" * 64 + "@" + "b" * 63 + ".", "a@b."],
    "resident-id": ["11010119900307001", "110101 19900307 0"],
    "card": ["4" * 19, "4111 1111 1111 1112 "],
    "ipv4": ["1.1.1.", "256.1.1.1 "],
    "ipv6": ["fe80:", "1::", "::", "a:"],
    "phone": ["+1 212 555 ", "010-85116665 ", "(1"],
    "iban": ["GB12 ", "GB82WEST1234569876543", "MT84 MALT 0110 0001 2345 MTLC AST0 01 ", "DE", "GB82-"],
    "us-ssn": ["123-45-678", "ssn 123-45-6789-", "ssn 000 00 0000 "],
    "uk-postcode": ["SW1A 2A", "cb11p", "postcode cb11pt", "SW1A 2AA"],
    "passport": ["passport ", "护照", "passport E1234567", "护照12345678 "],
    "credit-code": ["91350100M000100Y4", "91350100M000100Y44 ", "9135 0100 M000 100Y 4"],
    "plate": ["京", "京A", "京A·", "京A1234", "京A·12345a"],
    "qq": ["qq", "QQ号码是", "QQ: 1234 ", "扣扣", "qq 1 2 3 4 5 "],
    "user-name": ["user id", "user id: ", "user id is abc_", "account name: a.b.c."],
    "wechat": ["微信", "微信号：", "wechat id: ", "wxid_", "wx" * 3 + ":", "微信abcde", "加v"],
    "url": ["www.", "http://", "https://a/", "https://example.org/users/", "http://a?user=", "my website is ", "i've shared "],
    "birth-date": ["dob", "date of birth ", "dob: 1990-01-0", "出生日期", "我出生", "i was born on may 3, 199"],
    "member": ['"first_name"', '"first_name": "', '"a_name": "b" ', '\\"dob\\": \\"', '"' + "a" * 20 + 'name":'],
    "address-en": ["1 A ", "12 North Main ", "1 a a a ", "12 A B C D E ", "1-1 ", "1A St. Apt ", "9 St, A B C, "],
    "address-fr": ["12 rue de la ", "5 bis, avenue A B C D "],
    "address-en-labelled": [
        "address is ", "located at ", "address of " + "a" * 39, "corner of the street ", "is at street ", "live at a street, ",
    ],
    "address-box": ["P.O. Box ", "PSC 1, Box 1 APO ", "box 1"],
    "address-eu": ["Via A ", "Rue de la ", "Aastrasse ", "Aa Bb Cc u. ", "1 Aweg 1", "Via A B C D 1"],
    "address-zh": ["路1", "区一二三", "北京市海淀区学院路38", "路一", "号", "路1号1楼", "市区路1号(东"],
    "address-zh-labelled": ["地址", "位于", "住在", "地址是路1号", "收货地址：", "寄到省市区"],
}  # fmt: skip
LONGEST = [
    *(unit for units in BY_RULE.values() for unit in units),
    "a" * 64 + "@" + "b" * 63 + ".", "a@b.", "a@b.cc,", "é@b.cc", "4" * 19, "4111 1111 1111 1112 ", "11010119900307001",
    "110101 19900307 0", "+1 212 555 ", "+86 138 1234 ", "+", "(1", "13812345678 ", "+8613812345678,", "010-85116665 ",
    "电话1", "1.1.1.", "1.1.1.1 ", "fe80:", "1::", "::", "a:", "eyJ" + "a" * 1000 + ".", "eyJaaaaaaaaaa.aaaaaaaa",
    "-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nMIIE", "AGE-SECRET-KEY-1",
    "://", "https://u:" + "p" * 199, "://a:b@", "bearer ", "密钥是", "密钥是aB3", "\x1a", "１", "phone card ip id 1",
    *sorted({prefix.text for prefix in PREFIXES}), *(f"{prefix.text}aB3dE5" for prefix in PREFIXES),
    *(f"{keyword}=" for keyword in KEYWORDS), *(f"{keyword}: aB3dE5fG7hJ9kL1 " for keyword in KEYWORDS),
]  # fmt: skip


def test_i09_every_rule_stands_in_the_table():
    assert BY_RULE.keys() == {rule.name for rule in RULES}


def seconds(work, *arguments) -> float:
    """How long the work kept a core busy; whoever else uses the machine does not count."""
    began = time.thread_time()
    work(*arguments)
    return time.thread_time() - began


def outcome(text: str) -> str:
    try:
        return "found" if scan(text) else "clean"
    except BudgetExceeded:
        return "unscanned"


@pytest.mark.parametrize("unit", [pytest.param(unit, id=f"{unit[:24]!a}") for unit in LISTED + LONGEST])
def test_i09_a_repeated_prefix_takes_at_most_a_second(unit):
    text = (unit * (SIZE // len(unit) + 1))[:SIZE]

    assert seconds(outcome, text) <= 1.0


def test_i09_control_a_plain_pattern_does_not_keep_the_limit():
    """The input is hostile indeed: a usual e-mail pattern needs longer for a fifth of it than the scanner for all."""
    plain = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")

    assert seconds(plain.search, "a" * (SIZE // 5)) > 3 * seconds(outcome, "a" * SIZE)


def test_i09_a_phone_at_the_end_of_hostile_text_is_found_or_the_text_is_unscanned():
    for unit in LISTED:
        text = unit * (SIZE // len(unit)) + " call +86 13800138000"
        assert outcome(text) != "clean", unit


def test_the_scanner_keeps_a_floor_of_speed():
    """A tenth of what a slow core does, so that only a change of the order of growth or a lost gate breaks it."""
    messages = [
        "Please call me on 415-555-2671 about the order, thank you for your help with the delivery. " * 6,
        "你好，请问这个景点的地址在哪里？门票价格是多少？周边有什么好吃的餐厅推荐给我吗？谢谢你的帮助。" * 6,
    ] * 200
    slowest = min(seconds(lambda: [scan(message) for message in messages]) for _ in range(3))

    assert len(messages) / slowest > 1_000
