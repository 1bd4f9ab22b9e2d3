"""Secrets by the place in which they stand, by a provider's prefix, by their shape; and what only looks like one."""

import base64

import pytest

from governance.privacy.detectors import Kind, scan

MIXED = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1zA3bC5dE7fG9hJ1kL3mN5pQ7rS9tU1vW3xY5zA7"
HEXADECIMAL = "0f9e8d7c6b5a49382716051423324150" * 2
CREDENTIALS = base64.b64encode(b"admin:S3cret!pw").decode()

PLACES = [
    ("basic-header", f"Authorization: Basic {CREDENTIALS}", CREDENTIALS),
    ("basic-curl", f"curl -H 'Authorization: Basic {CREDENTIALS}' https://a.example", CREDENTIALS),
    ("basic-json", f'{{"authorization":"Basic {CREDENTIALS}"}}', CREDENTIALS),
    ("basic-lower-case", f"authorization: basic {CREDENTIALS}，帮我看看", CREDENTIALS),
    ("curl", "curl -u admin:Tr0ub4dor https://a.example", "Tr0ub4dor"),
    ("curl-quoted", "curl --user 'admin:Tr0ub4dor' https://a.example", "Tr0ub4dor"),
    ("mysql", "mysql -u root -pTr0ub4dor shop", "Tr0ub4dor"),
    ("sshpass", "sshpass -p Tr0ub4dor ssh root@db", "Tr0ub4dor"),
    ("docker", "docker login -u me -p Tr0ub4dor", "Tr0ub4dor"),
    ("redis", "requirepass Tr0ub4dor", "Tr0ub4dor"),
    ("option", "deploy --password Tr0ub4dor", "Tr0ub4dor"),
    ("sql", "CREATE USER a IDENTIFIED BY 'Tr0ub4dor'", "Tr0ub4dor"),
    ("xml", "<db.password>Tr0ub4dor</db.password>", "Tr0ub4dor"),
    ("php", 'define("DB_PASSWORD", "Tr0ub4dor");', "Tr0ub4dor"),
    ("dsn", "Server=db;User Id=sa;Pwd=Tr0ub4dor;", "Tr0ub4dor"),
]
KEYS = [
    ("hugging-face-of-letters", "hf_" + "".join(char for char in MIXED if char.isalpha())[:34]),
    ("vault", "hvs.CAESI-" + MIXED[:40] + "_" + MIXED[40:60]),
    ("grafana", f"glsa_{MIXED[:32]}_{HEXADECIMAL[:8]}"),
    ("new-relic", "NRAK-" + MIXED[:27].upper()),
    ("planet-scale", "pscale_tkn_" + MIXED[:43]),
    ("pulumi", "pul-" + HEXADECIMAL[:40]),
    ("supabase", "sbp_" + HEXADECIMAL[:40]),
    ("razorpay", "rzp_live_" + MIXED[:14]),
    ("sentry", "sntrys_" + MIXED),
    ("twilio", "SK" + HEXADECIMAL[:32]),
    ("mailgun", "key-" + HEXADECIMAL[:32]),
    ("dropbox", "sl." + MIXED),
    ("okta", "SSWS 00" + MIXED[:40]),
    ("baidu", f"bce-v3/ALTAK-{MIXED[:21]}/{HEXADECIMAL[:40]}"),
    ("google-oauth", "GOCSPX-" + MIXED[:24] + "-_b5"),
    ("telegram", f"4920127657:AA{MIXED[:33]}"),
    ("discord", f"M{MIXED[:23]}.G{MIXED[:5]}.{MIXED[:38]}"),
    ("zhipu", f"{HEXADECIMAL[:32]}.{MIXED[:16]}"),
    ("terraform", f"{MIXED[:14]}.atlasv1.{MIXED[:67]}"),
    ("airtable", f"pat{MIXED[:14]}.{HEXADECIMAL}"),
    ("mailchimp", f"{HEXADECIMAL[:32]}-us12"),
    ("slack-hook", f"hooks.slack.com/services/T0AB1CD2E/B0AB1CD2E3F/{MIXED[:24]}"),
    ("discord-hook", f"discord.com/api/webhooks/1234509876543210987/{MIXED[:68]}"),
    ("feishu-hook", "open.feishu.cn/open-apis/bot/v2/hook/3f2a9c1b-77aa-4b1c-9d2e-0123456789ab"),
]
CLEAN = [
    ("basic-word", "Basic authentication is a basic understanding of Basic subscriptions"),
    ("basic-placeholder", "Authorization: Basic " + base64.b64encode(b"user:password").decode()),
    ("curl-placeholder", "curl -u username:password https://a.example"),
    ("curl-variables", 'curl -u "$USER:$PASS" https://a.example'),
    ("mysql-asks", "mysql -u root -p database1"),
    ("ports", "docker run -p 8080:80 nginx; ssh -p 2222 a@b; redis-cli -p 6379; cp -p file1.txt /tmp/"),
    ("option-placeholder", "deploy --password <password> --password-file /run/pw1"),
    ("sql-placeholder", "IDENTIFIED BY 'your_password'"),
    ("xml-placeholder", "<password>${PW}</password>"),
    ("define", 'define("APP_VERSION", "1.2.3-beta4")'),
    ("hook-of-the-manual", "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"),
    ("file-names", "main.3f2a9c1b.chunk.js app.a1b2c3d4e5f6.css see docs.python.org.abcdef12"),
    ("names-in-code", "com.example.myapp1.service.handler sl.append(x) sk_buff key-value key-123"),
    ("digest", "md5 d41d8cd98f00b204e9800998ecf8427e-us in region eu-us-2"),
    ("clock", "at 10:20:30 and 10000000:AAAA"),
]


@pytest.mark.parametrize(("text", "value"), [pytest.param(*row[1:], id=row[0]) for row in PLACES])
@pytest.mark.parametrize("around", ["{}", "```\n{}\n```", "用这个{}", '{{"cmd": "a\\n{}"}}'])
def test_it_finds_a_password_in_its_place(text, value, around):
    given = around.format(text)

    assert (value, Kind.PASSWORD) in [(given[span.start : span.end], span.type) for span in scan(given)]


@pytest.mark.parametrize("key", [pytest.param(row[1], id=row[0]) for row in KEYS])
@pytest.mark.parametrize("around", ["{}", "用这个{}调用", "here is `{}` please", '{{"text": "a\\n{}\\nb"}}'])
def test_it_finds_the_whole_key_of_a_provider(key, around):
    given = around.format(key)

    assert (key, Kind.API_KEY) in [(given[span.start : span.end], span.type) for span in scan(given)]


@pytest.mark.parametrize("text", [pytest.param(row[1], id=row[0]) for row in CLEAN])
def test_it_leaves_alone_what_only_looks_like_a_secret(text):
    assert scan(text) == ()
