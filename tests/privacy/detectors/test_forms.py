"""Every type in the forms in which people write it; a row is (text, the part that is the finding, type)."""

import pytest

from governance.privacy.detectors import Kind, Tier, scan
from governance.privacy.detectors.card import luhn
from governance.privacy.detectors.resident import check_character

KEY = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1zA3bC5d"

ROWS = [
    # E-mail
    ("mail-plain", "write to wang.fang+x@mail.example.co.uk please", "wang.fang+x@mail.example.co.uk", Kind.EMAIL),
    ("mail-glued-chinese", "请发到zhang_san@example.com.cn谢谢", "zhang_san@example.com.cn", Kind.EMAIL),
    ("mail-full-width", "邮箱ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ。", "ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ", Kind.EMAIL),
    ("mail-quoted", "server.login('bob@example.org')", "bob@example.org", Kind.EMAIL),
    ("mail-end-of-sentence", "It is bob@example.org.", "bob@example.org", Kind.EMAIL),
    ("mail-latin-letters", "an josé.žižka@exämple.com schreiben", "josé.žižka@exämple.com", Kind.EMAIL),
    ("mail-in-a-url", "https://x.example/?to=bob%40example.org&y=1", "bob%40example.org", Kind.EMAIL),
    ("mail-in-a-query", "curl -d email=bob@example.org x", "bob@example.org", Kind.EMAIL),
    ("mail-upper-case", "BOB@EXAMPLE.ORG", "BOB@EXAMPLE.ORG", Kind.EMAIL),
    # Phone, China
    ("cn-mobile", "打我电话13800138000", "13800138000", Kind.PHONE),
    ("cn-mobile-without-context", "是13800138000吗", "13800138000", Kind.PHONE),
    ("cn-mobile-spaces", "手机 138 0013 8000，谢谢", "138 0013 8000", Kind.PHONE),
    ("cn-mobile-dashes", "手机139-1234-5678", "139-1234-5678", Kind.PHONE),
    ("cn-mobile-code", "call +86 13800138000 now", "+86 13800138000", Kind.PHONE),
    ("cn-mobile-code-bare", "8613800138000", "8613800138000", Kind.PHONE),
    ("cn-mobile-full-width", "手机号１３８００１３８０００谢谢", "１３８００１３８０００", Kind.PHONE),
    ("cn-mobile-full-width-dashes", "１３８－００１３－８０００", "１３８－００１３－８０００", Kind.PHONE),
    ("cn-mobile-nbsp", "tel 138\u00a00013\u00a08000", "138\u00a00013\u00a08000", Kind.PHONE),
    ("cn-mobile-zero-width", "138\u200b0013\u200b8000", "138\u200b0013\u200b8000", Kind.PHONE),
    ("cn-mobile-label-glued", "Tel13800138000", "13800138000", Kind.PHONE),
    ("cn-landline", "电话是010-65529988。", "010-65529988", Kind.PHONE),
    ("cn-landline-brackets", "（010）65529988", "（010）65529988", Kind.PHONE),
    ("cn-landline-bare", "电话是01065529988吗", "01065529988", Kind.PHONE),
    ("cn-landline-extension", "总机0755-88889999转801", "0755-88889999转801", Kind.PHONE),
    ("cn-landline-en-dash", "电话0755\u201388889999", "0755\u201388889999", Kind.PHONE),
    ("cn-landline-local", "电话是69012385。", "69012385", Kind.PHONE),
    ("cn-service", "客服400-810-8888", "400-810-8888", Kind.PHONE),
    ("cn-second-of-two", "电话是51160000和4006662000。", "4006662000", Kind.PHONE),
    # Phone, elsewhere
    ("us-dashes", "reach us at 415-555-2671.", "415-555-2671", Kind.PHONE),
    ("us-before-the-word", "Done.415-431-5000 is the phone number", "415-431-5000", Kind.PHONE),
    ("us-brackets", "(415) 555-2671", "(415) 555-2671", Kind.PHONE),
    ("us-dots", "fax: 415.555.2671", "415.555.2671", Kind.PHONE),
    ("us-extension", "+1 (415) 555-2671 ext. 22", "+1 (415) 555-2671 ext. 22", Kind.PHONE),
    ("us-bare-with-context", "my number is 4155552671", "4155552671", Kind.PHONE),
    ("us-local-with-context", "Call me: 555-1234", "555-1234", Kind.PHONE),
    ("gb-spaces", "020 7946 0958", "020 7946 0958", Kind.PHONE),
    ("gb-bare", "The phone is 01223363682 and", "01223363682", Kind.PHONE),
    ("international-trunk", "Desk: +41 (0)44 668 18 00", "+41 (0)44 668 18 00", Kind.PHONE),
    ("international-zeros", "00442079460958", "00442079460958", Kind.PHONE),
    ("international-pairs", "is listed as +33 1 84 82 49 09.", "+33 1 84 82 49 09", Kind.PHONE),
    ("fr-pairs-without-context", "c'est 06 41 58 47 06 merci", "06 41 58 47 06", Kind.PHONE),
    ("label-behind", "655 437 108 office", "655 437 108", Kind.PHONE),
    ("cn-mobile-behind-an-escape", '{"text": "hi\\n13800138000\\nbye"}', "13800138000", Kind.PHONE),
    ("cn-mobile-escaped-plus", "https://x.example/?q=%2B8613800138000", "8613800138000", Kind.PHONE),
    ("cn-mobile-as-wechat-id", "加我微信13800138000", "13800138000", Kind.PHONE),
    ("de-national-in-code", 'user_phone_number = "030 1516200"', "030 1516200", Kind.PHONE),
    # Card
    ("card-bare", "card 4111111111111111 expires", "4111111111111111", Kind.CARD),
    ("card-without-context", "4111111111111111", "4111111111111111", Kind.CARD),
    ("card-no-percentage", "4111111111111111 %", "4111111111111111", Kind.CARD),
    ("card-no-amount", "4111111111111111元", "4111111111111111", Kind.CARD),
    ("card-spaces", "4111 1111 1111 1111", "4111 1111 1111 1111", Kind.CARD),
    ("card-dashes", "4111-1111-1111-1111", "4111-1111-1111-1111", Kind.CARD),
    ("card-year-behind", "card 4111 1111 1111 1111 2027", "4111 1111 1111 1111", Kind.CARD),
    ("card-date-before", "2024 4111 1111 1111 1111 ok", "4111 1111 1111 1111", Kind.CARD),
    ("card-second-of-two", "4111 1111 1111 1111 5555 5555 5555 4444", "5555 5555 5555 4444", Kind.CARD),
    ("card-amex", "amex 378282246310005", "378282246310005", Kind.CARD),
    ("card-unionpay-19", "银行卡号6222021234567890128，开户行", "6222021234567890128", Kind.CARD),
    ("card-unionpay-groups", "收款账户：6222 0212 3456 7890 128。", "6222 0212 3456 7890 128", Kind.CARD),
    ("card-full-width", "卡号４１１１１１１１１１１１１１１１", "４１１１１１１１１１１１１１１１", Kind.CARD),
    # Resident identity number
    ("id-bare", "身份证11010519491231002X，", "11010519491231002X", Kind.RESIDENT_ID),
    ("id-lower-x", "是11010519491231002x吗", "11010519491231002x", Kind.RESIDENT_ID),
    ("id-spaces", "id card: 110105 19491231 002X", "110105 19491231 002X", Kind.RESIDENT_ID),
    ("id-dashes", "110105-19491231-002X", "110105-19491231-002X", Kind.RESIDENT_ID),
    (
        "id-full-width",
        "证件１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２Ｘ",
        Kind.RESIDENT_ID,
    ),
    ("id-slip-with-context", "身份证号110105194912310021", "110105194912310021", Kind.RESIDENT_ID),
    ("id-behind-a-number", "张三 25 11010519491231002X", "11010519491231002X", Kind.RESIDENT_ID),
    # IP
    ("ipv4", "登录39.23.26.90看一下日志", "39.23.26.90", Kind.IP),
    ("ipv4-port", "at 192.168.1.10:8080", "192.168.1.10", Kind.IP),
    ("ipv4-small-with-context", "server 1.2.3.4 is down", "1.2.3.4", Kind.IP),
    ("ipv6", "from 2001:db8::8a2e:370:7334 we", "2001:db8::8a2e:370:7334", Kind.IP),
    ("ipv6-full", "2001:0db8:0000:0000:0000:ff00:0042:8329", "2001:0db8:0000:0000:0000:ff00:0042:8329", Kind.IP),
    # Keys and tokens
    ("openai", f"我的密钥是sk-proj-{KEY}，帮我看看", f"sk-proj-{KEY}", Kind.API_KEY),
    ("github", f"Bearer ghp_{KEY}", f"ghp_{KEY}", Kind.API_KEY),
    ("aws", "here is AKIAJ5Q7ZK3M2WXYVBNT please", "AKIAJ5Q7ZK3M2WXYVBNT", Kind.API_KEY),
    ("assignment", f'api_key = "{KEY}"', KEY, Kind.API_KEY),
    ("assignment-code", f'"clientSecret": "{KEY}",', KEY, Kind.API_KEY),
    ("assignment-chinese", f"密钥：{KEY}。", KEY, Kind.API_KEY),
    ("bearer", f"Authorization: Bearer {KEY}", KEY, Kind.API_KEY),
    ("jwt", f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.{KEY}", f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.{KEY}", Kind.API_KEY),
    ("url-password", "postgres://app:rhPyKUPE!mcer@db:5432/x", "rhPyKUPE!mcer", Kind.PASSWORD),
    ("password", "password: hunter2!!", "hunter2!!", Kind.PASSWORD),
    ("password-of-seven", "password: hunter2", "hunter2", Kind.PASSWORD),
    ("password-of-six-chinese", "wifi密码是abc123，随便用", "abc123", Kind.PASSWORD),
    ("password-of-digits", "密码：88888888", "88888888", Kind.PASSWORD),
    ("password-for", "The password for the router is Sunshine42.", "Sunshine42", Kind.PASSWORD),
    ("password-changed", "my password was changed to Blue42!x", "Blue42!x", Kind.PASSWORD),
    ("password-chinese-changed", "密码已经重置为Abc12345", "Abc12345", Kind.PASSWORD),
    ("pass", "$db_pass = 'Summer2024!';", "Summer2024!", Kind.PASSWORD),
    ("pass-camel", "dbPass: Summer2024!", "Summer2024!", Kind.PASSWORD),
    ("password-chinese", "登录密码是z#EwuP1CZMLe", "z#EwuP1CZMLe", Kind.PASSWORD),
    (
        "pem",
        f"KEY=-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----\nDEBUG=1",
        f"-----BEGIN RSA PRIVATE KEY-----\n{KEY}\n-----END RSA PRIVATE KEY-----",
        Kind.PRIVATE_KEY,
    ),
    (
        "pem-escaped-line-ends",
        f'"-----BEGIN PRIVATE KEY-----\\n{KEY}\\n-----END PRIVATE KEY-----\\n"',
        f"-----BEGIN PRIVATE KEY-----\\n{KEY}\\n-----END PRIVATE KEY-----",
        Kind.PRIVATE_KEY,
    ),
    (
        "pem-cut-off",
        f"-----BEGIN EC PRIVATE KEY-----\n{KEY}",
        f"-----BEGIN EC PRIVATE KEY-----\n{KEY}",
        Kind.PRIVATE_KEY,
    ),
]

CLEAN = [
    ("iso-date", "call on 2024-08-11 please"),
    ("chinese-date", "日期20240811到期"),
    ("timestamp", "时间戳是1737536112748"),
    ("date-time", "2023-11-14 15:30:22"),
    ("years", "1998-2004 in the office"),
    ("decimal", "pi is 3.14159265358979"),
    ("coordinates", "坐标39.904200,116.407400"),
    ("coordinates-words", "lat 39.904200 lon 116.407400"),
    ("range", "phone numbers 4000-4999"),
    ("counting", "phone: 123456789"),
    ("version", "version 10.2.33.4"),
    ("version-chinese", "版本号v8.14.10"),
    ("parcel", "快递单号SF3619502156256"),
    ("book", "ISBN 978-7-334-72891-2"),
    ("price", "价格一共80348元"),
    ("dollars", "$4155552671"),
    ("order-like-phone", "order 4155552671"),
    ("order-like-card", "订单号4111111111111111"),
    ("order-like-id", "订单号650102196807231600什么时候发货"),
    ("random-19-digits", "1234567890123456789"),
    ("uuid", "uuid 96d02c8d-ab97-4e5e-ab50-dcda7805bb81"),
    ("uuid-of-digits", "id: 55084001-2901-4104-1016-446655440000"),
    ("sha256", "sha256:1f9854032202a826484e152d82e47a4100b21e18cc180685b911fbdc46b26b7d"),
    ("commit", "commit 4837c22b038237f9d9ee3433691cb393e84cf5b3 broke the build"),
    ("loopback", "http://127.0.0.1:8000 and 255.255.255.0"),
    ("time", "at 12:30:45"),
    ("mac-address", "00:1A:2B:3C:4D:5E"),
    ("scope", "std::vector<a1::b2>"),
    ("picture", "icon@2x.png"),
    ("package", "npm i react@18.2.0"),
    ("decorator", "@app.route('/')"),
    ("remote", "git@github.com:foo/bar.git"),
    ("environment", 'client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])'),
    ("placeholder", 'set api_key="YOUR_API_KEY" first'),
    ("url-template-word", "postgres://user:password@localhost/db"),
    ("password-hashed", "密码用SHA256加密存储，password: bcrypt2"),
    ("password-rule", "密码长度8-16位，必须包含a-zA-Z0-9"),
    ("password-call", "password = hash_pw2(user)"),
    ("password-type", "password: string"),
    ("passed", "passed: test12345, passenger: Wang1234"),
    ("count", '"count": 13812345678'),
    ("counted-pairs", "01 02 03 04 05"),
    ("article", "UPC 076952060195"),
    ("measure", "a 10 TB Drive and a 2 Hour Drive"),
    ("passport-date", "I need a passport by 20240801"),
    ("word", "I forgot my password, how do I reset it? The password is required."),
    ("limit", "max_tokens=4096 and token: 12"),
    ("url-template", "postgres://user:${PASSWORD}@db/x"),
    ("risk-word", "the risk-assessment-of-something-long-2024"),
    ("next-sentence", "There were 12345678 rows. Call me."),
    ("work-order", "see 1234567 work orders"),
    ("lottery", "1 2 3 4 5 6 7 8 9 10 11 12"),
]


@pytest.mark.parametrize(("text", "value", "kind"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_it_finds(text, value, kind):
    found = [(text[span.start : span.end], span.type) for span in scan(text)]

    assert (value, kind) in found


@pytest.mark.parametrize(("text", "value", "kind"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
@pytest.mark.parametrize("glue", ["，", "。", "中", "(", '"'])
def test_it_finds_between_chinese_text_and_punctuation(text, value, kind, glue):
    around = f"你好{glue}{text}"

    assert (value, kind) in [(around[span.start : span.end], span.type) for span in scan(around)]


@pytest.mark.parametrize(("text", "value", "kind"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_it_finds_between_the_escapes_of_json_and_leaves_them_whole(text, value, kind):
    around = f'see {{"text": "hi\\n{text}\\n\\tbye"}}'
    found = [span for span in scan(around) if span.type is kind]

    assert any(value in around[span.start : span.end] for span in found)
    assert all(around[: span.start].endswith("\\") is False for span in found)
    assert all(around[span.end - 1] != "\\" for span in found)


@pytest.mark.parametrize("text", [pytest.param(row[1], id=row[0]) for row in CLEAN])
def test_it_leaves_alone(text):
    assert scan(text) == ()


def test_a_number_without_context_is_weak_and_off_by_default():
    assert scan("4155552671 is it") == ()
    assert [span.tier for span in scan("4155552671 is it", weak=True)] == [Tier.WEAK]


@pytest.mark.parametrize("key", ["phone", "phoneNumber", "mobile_no", "手机号", "contact-phone"])
def test_the_name_of_a_member_is_context(key):
    assert scan("4155552671", context=key) != ()
    assert scan("4155552671", context="order_id") == ()


@pytest.mark.parametrize("key", ["password", "db_password", "密码", "pwd"])
def test_a_member_called_password_is_masked_whole(key):
    assert [(span.start, span.end, span.type) for span in scan("correct-horse", context=key)] == [(0, 13, Kind.PASSWORD)]


def test_checksums_agree_with_the_standards_examples():
    # GB 11643-1999, annex; ISO/IEC 7812-1, annex B.
    assert check_character("11010519491231002") == "X"
    assert check_character("44052418800101001") == "4"
    assert luhn("49927398716")
    assert not luhn("49927398717")
