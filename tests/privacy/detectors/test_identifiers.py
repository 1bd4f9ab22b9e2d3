"""Numbers of accounts, papers, cars and handles: every form in which they are written, and what only looks like one."""

import random

import phonenumbers
import pytest

from governance.privacy.detectors import Kind, Tier, bank, companies, plans, scan, social
from governance.privacy.detectors.values import normalise

# (text, the finding in it, its type)
IDENTIFIERS = [
    ("My IBAN is GB82WEST12345698765432", "GB82WEST12345698765432", Kind.IBAN),
    ("转到 DE89 3704 0044 0532 0130 00 谢谢", "DE89 3704 0044 0532 0130 00", Kind.IBAN),
    ("fr14 2004 1010 0505 0001 3m02 606", "fr14 2004 1010 0505 0001 3m02 606", Kind.IBAN),
    ("NO93-8601-1117-947", "NO93-8601-1117-947", Kind.IBAN),
    ("853-37-1694 is mine", "853-37-1694", Kind.SSN),
    ("His social security number is 853371694", "853371694", Kind.SSN),
    ("ssn 853 37 1694", "853 37 1694", Kind.SSN),
    ("SSN: 900-70-0001", "900-70-0001", Kind.SSN),
    ("I am in SW1A 2AA now", "SW1A 2AA", Kind.POSTCODE),
    ("The postcode is cb11pt .", "cb11pt", Kind.POSTCODE),
    ("post code: ec1a 1bb", "ec1a 1bb", Kind.POSTCODE),
    ("its postcode is cb3ojg", "cb3ojg", Kind.POSTCODE),
    ("护照号E12345678。", "E12345678", Kind.PASSPORT),
    ("passport no. EC6436994", "EC6436994", Kind.PASSPORT),
    ("护照 E 12345678", "E 12345678", Kind.PASSPORT),
    ("my passport number is 533380006", "533380006", Kind.PASSPORT),
    ("统一社会信用代码：91350100M000100Y43", "91350100M000100Y43", Kind.CREDIT_CODE),
    ("税号91350100m000100y43吗", "91350100m000100y43", Kind.CREDIT_CODE),
    ("9135 0100 M000 100Y 43", "9135 0100 M000 100Y 43", Kind.CREDIT_CODE),
    ("我的车是鄂A·194JH，停在", "鄂A·194JH", Kind.PLATE),
    ("车牌号冀K7899Z。", "冀K7899Z", Kind.PLATE),
    ("车牌粤b12345", "粤b12345", Kind.PLATE),
    ("京A•D12345是绿牌", "京A•D12345", Kind.PLATE),
    ("教练车 京A1234学", "京A1234学", Kind.PLATE),
    ("沪 a 1", "", None),
    ("加我QQ 65297630。", "65297630", Kind.QQ),
    ("qq号码是６５２９７６３０", "６５２９７６３０", Kind.QQ),
    ("QQ: 652 976 30", "652 976 30", Kind.QQ),
    ("微信号：Sunnyhua2482", "Sunnyhua2482", Kind.WECHAT),
    ("加微信meifly744。", "meifly744", Kind.WECHAT),
    ("WeChat ID：zz-ming271", "zz-ming271", Kind.WECHAT),
    ("my wechat id: sunflower", "sunflower", Kind.WECHAT),
    ("加v：abc_12345", "abc_12345", Kind.WECHAT),
    ("it is wxid_a1b2c3d4e5f6g7", "wxid_a1b2c3d4e5f6g7", Kind.WECHAT),
    ("My user ID is omar_rossi_1241.", "omar_rossi_1241", Kind.USERNAME),
    ("- **User ID**: james_patel_9828", "james_patel_9828", Kind.USERNAME),
    ("DOB: 1970-06-06", "1970-06-06", Kind.BIRTH_DATE),
    ("I was born on May 3rd, 1990", "May 3rd, 1990", Kind.BIRTH_DATE),
    ("我出生于1990年5月15日。", "1990年5月15日", Kind.BIRTH_DATE),
    ("I've shared files with you https://ClickPhobia.com.br/", "https://ClickPhobia.com.br/", Kind.URL),
    ("Website:\nhttps://www.UEarly.se/", "https://www.UEarly.se/", Kind.URL),
    ("see https://example.org/users/omar.rossi?x=1 now", "https://example.org/users/omar.rossi?x=1", Kind.URL),
    ("https://s3.example.com/a?sig=abc123.", "https://s3.example.com/a?sig=abc123", Kind.URL),
]
NOTHING = [
    "GB82WEST12345698765433", "ZZ82WEST12345698765432", "xGB82WEST12345698765432", "code AB12 cd", "ab12cd", "#ab12fd",
    "E12345678", "91350100M000100Y44", "最新iPhone5", "川Apple", "我用QQ聊天", "qq 1234", "QQ音乐12345.67", "微信小程序",
    "wechat payments are fine", "wx.request is a call", "See https://en.wikipedia.org/wiki/Privacy for more.",
    "The website www.example.com is available.", "Mozart was born on 27 January 1756.", "出生于1962年的导演", "078-05-1120",
    "000-12-3456", "user name is required", "login is simple", "订单号 853-37-1694",
]  # fmt: skip
FOUND = [row for row in IDENTIFIERS if row[2]]


def full_width(text):
    return "".join(chr(ord(char) + 0xFEE0) if "0" <= char <= "9" or char == "-" else char for char in text)


def found(text):
    return [(text[span.start : span.end], span.type) for span in scan(text)]


@pytest.mark.parametrize(("text", "value", "kind"), FOUND)
def test_it_finds(text, value, kind):
    assert (value, kind) in found(text)


# Nobody writes a link or the name of an account in full width.
@pytest.mark.parametrize(
    ("text", "value", "kind"), [row for row in FOUND if row[2] not in {Kind.URL, Kind.WECHAT, Kind.USERNAME}]
)
@pytest.mark.parametrize("form", [full_width, lambda text: text.replace(" ", "\u00a0")], ids=["full-width", "nbsp"])
def test_it_finds_other_forms_of_the_characters(text, value, kind, form):
    assert (form(value), kind) in found(form(text))


@pytest.mark.parametrize(("text", "value", "kind"), FOUND)
def test_it_finds_between_chinese_text(text, value, kind):
    assert (value, kind) in found(f"好的，{text}" + ("，谢谢" if kind is Kind.URL else "谢谢"))


@pytest.mark.parametrize("text", NOTHING)
def test_it_leaves_alone(text):
    assert scan(text) == ()


@pytest.mark.parametrize(
    ("text", "phone"),
    [("$ 415-555-2671", "415-555-2671"), ("¥13812345678", "13812345678"), ("costs $4155552671", None), ("80348123元", None)],
)
def test_a_currency_hides_no_number_that_can_be_nothing_but_a_phone(text, phone):
    assert found(text) == ([(phone, Kind.PHONE)] if phone else [])


def test_checksums_agree_with_the_standards_examples():
    # ISO 13616-1, annex A; GB 32100-2015, the code of the standard's own example form.
    assert bank.checked("GB82WEST12345698765432")
    assert not bank.checked("GB82WEST12345698765423")
    assert companies.check_character("91350100M000100Y4") == "3"
    assert not social.issued("666123456")


@pytest.mark.parametrize("country", [1, 44, 86])
def test_plans_agree_with_the_library_whose_metadata_they_read(country):
    dice = random.Random(country)  # no secret
    valid = 0
    for _ in range(3000):
        national = dice.choice("123456789") + "".join(dice.choices("0123456789", k=dice.choice([8, 9, 9, 10])))
        number = phonenumbers.PhoneNumber(country_code=country, national_number=int(national))
        assert plans._valid(country, national) == phonenumbers.is_valid_number(number), national
        valid += phonenumbers.is_valid_number(number)
    assert valid > 100


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("IBAN", "gb82 west 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("PLATE", "鄂a·194jh", "鄂A194JH"),
        ("QQ", "652 976 30", "６５２９７６３０"),
        ("ADDRESS", "12  High\u00a0Street", "12 high street"),
        ("POSTCODE", "cb1 1pt", "CB11PT"),
    ],
)
def test_normal_forms_agree(kind, one, other):
    assert normalise(kind, one) == normalise(kind, other)


def test_a_lower_case_postcode_without_a_word_for_it_is_weak():
    assert [span.tier for span in scan("it is cb43px ok", weak=True)] == [Tier.WEAK]
