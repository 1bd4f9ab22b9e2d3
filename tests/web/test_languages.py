"""English and Simplified Chinese: how the language is chosen, that the page stays, and that codes stay as they are."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import override
from rest_framework.test import APIClient

from governance.console.words import WITHHELD, attested, kind_word
from governance.identity.tokens import mint
from governance.vault.reading import _WITHHELD
from tests.conftest import make_person, now


@pytest.fixture
def officer(tenant):
    client = Client()
    client.force_login(make_person(tenant, "security_officer"))
    return client


def choose(client, language, to="/keys"):
    return client.post("/language", {"language": language, "next": to})


def test_the_choice_is_a_cookie_and_the_page_stays(officer):
    answer = choose(officer, "zh-hans", "/jobs?topic=notice")
    assert answer["Location"] == "/jobs?topic=notice"
    cookie = answer.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("zh-hans", True, "Lax")
    shown = officer.get("/keys").content.decode()
    assert '<html lang="zh-hans"' in shown
    assert "密钥环" in shown
    choose(officer, "en")
    assert "密钥环" not in officer.get("/keys").content.decode()


def test_only_a_post_of_a_form_chooses_and_it_leads_nowhere_else(officer):
    assert officer.get("/language?language=zh-hans").status_code == 405
    assert choose(officer, "zh-hans", "https://evil.example/").get("Location") == "/"
    assert settings.LANGUAGE_COOKIE_NAME not in choose(officer, "tlh").cookies
    strict = Client(enforce_csrf_checks=True)
    assert choose(strict, "zh-hans").status_code == 403


@pytest.mark.parametrize("path", ["/", "/keys", "/jobs", "/approvals", "/health", "/accounts/sessions/"])
def test_a_page_offers_the_other_language_by_its_own_name(officer, path):
    shown = officer.get(path).content.decode()
    assert 'value="zh-hans" lang="zh-hans">简体中文</button>' in shown
    assert f'name="next" value="{path}"' in shown


def test_before_a_sign_in_the_browser_says_which(tenant):
    shown = Client(headers={"accept-language": "zh-CN,zh;q=0.9"}).get("/accounts/login/")
    assert "登录" in shown.content.decode()
    assert shown.headers["Content-Language"] == "zh-hans"
    assert "Accept-Language" in shown.headers["Vary"]
    assert "登录" not in Client(headers={"accept-language": "fr"}).get("/accounts/login/").content.decode()


PAGES = ["/", "/conversations", "/keys", "/keys/providers", "/jobs", "/jobs/rescan", "/approvals", "/health"]


@pytest.mark.parametrize("path", PAGES)
def test_in_chinese_a_page_says_what_is_around_it_in_chinese(officer, path):
    """What each says in its middle is held by the catalogue; here the frame, which no page may lack."""
    choose(officer, "zh-hans")
    answer = officer.get(path)
    shown = answer.content.decode()
    for said in ("概览", "退出登录", "第二因素"):
        assert said in shown
    for word in (">Overview<", ">Sign out<", ">Second factor<", ">Password<", ">Approvals<"):
        assert word not in shown


def test_errors_of_pages_are_told_in_chinese(tenant):
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(make_person(tenant, "analyst"))
    answer = client.get("/keys")
    shown = answer.content.decode()
    assert answer.status_code == 403
    assert "未向您开放" in shown
    assert "没有策略允许此事" in shown
    assert "policy.denied" in shown


def test_a_problem_of_the_api_has_a_translated_detail_and_the_same_code(tenant):
    user = make_person(tenant, "analyst")
    token = mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1)).plain
    answers = {}
    for language in ("en", "zh-CN"):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}", HTTP_ACCEPT_LANGUAGE=language)
        answers[language] = client.get("/api/v1/conversations").json()
    assert answers["en"]["code"] == answers["zh-CN"]["code"] == "purpose.missing"
    assert answers["zh-CN"]["detail"].startswith("请指明用途：")
    assert not answers["en"]["detail"].startswith("没有")
    unknown = APIClient().get("/api/v1/conversations", headers={"authorization": "Bearer tv_x_y", "accept-language": "zh"})
    assert unknown.json()["detail"].startswith("令牌未知")
    assert unknown.json()["code"] == "identity.token_invalid"


def test_every_reason_for_withholding_is_said_in_the_readers_language():
    with override("en"):
        assert {code: str(said) for code, said in WITHHELD.items()} == {reason: reason for reason in _WITHHELD.values()}
    with override("zh-hans"):
        assert str(WITHHELD["not scanned yet"]) == "尚未扫描"


@pytest.mark.parametrize(("word", "chinese"), [
    ("self-attested", "自我证明"),
    ("attested by file outside", "由外部的 file 证明"),
    ("attested by file and s3 outside", "由外部的 file 和 s3 证明"),
])  # fmt: skip
def test_what_vouches_for_a_record_is_said_in_the_readers_language(word, chinese):
    with override("en"):
        assert attested(word) == word
    with override("zh-hans"):
        assert attested(word) == chinese


def test_a_type_that_a_mark_names_is_said_in_the_readers_language_and_a_tenants_own_stays():
    with override("en"):
        assert kind_word("RESIDENT_ID") == "resident id"
    with override("zh-hans"):
        assert kind_word("RESIDENT_ID") == "居民身份证号"
        assert kind_word("BADGE_NUMBER") == "badge number"


def test_what_is_wrong_with_a_policy_is_told_in_chinese_while_it_is_written(officer):
    choose(officer, "zh-hans")
    given = {"writing": "cedar", "name": "p", "cedar": "permit ("}
    assert "策略文本不符合模式，或指明了某个会话。" in officer.post("/policies/check", given).content.decode()
