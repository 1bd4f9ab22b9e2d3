"""ATTACKS.md I09: no text of 100 KB takes more than a second; over budget is unscanned, never clean."""

import re
import time

import pytest

from governance.privacy.detectors import BudgetExceeded, scan
from governance.privacy.detectors.assignments import KEYWORDS
from governance.privacy.detectors.tokens import PREFIXES

SIZE = 100_000
LISTED = ["1", "@", "a", "a.", "1.", "1/", "1 ", "1-", "www.", "eyJhbGciOi.", "GB12 "]
# The longest prefix of each rule: one character short of a candidate, or a candidate that fails its check.
LONGEST = [
    "a" * 64 + "@" + "b" * 63 + ".", "a@b.", "a@b.cc,", "é@b.cc", "4" * 19, "4111 1111 1111 1112 ", "11010119900307001",
    "110101 19900307 0", "+1 212 555 ", "+86 138 1234 ", "+", "(1", "13812345678 ", "+8613812345678,", "010-85116665 ",
    "电话1", "1.1.1.", "1.1.1.1 ", "fe80:", "1::", "::", "a:", "eyJ" + "a" * 1000 + ".", "eyJaaaaaaaaaa.aaaaaaaa",
    "-----BEGIN ", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\nMIIE", "AGE-SECRET-KEY-1",
    "://", "https://u:" + "p" * 199, "://a:b@", "bearer ", "密钥是", "密钥是aB3", "\x1a", "１", "phone card ip id 1",
    *sorted({prefix.text for prefix in PREFIXES}), *(f"{prefix.text}aB3dE5" for prefix in PREFIXES),
    *(f"{keyword}=" for keyword in KEYWORDS), *(f"{keyword}: aB3dE5fG7hJ9kL1 " for keyword in KEYWORDS),
]  # fmt: skip


def seconds(work, *arguments) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


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
