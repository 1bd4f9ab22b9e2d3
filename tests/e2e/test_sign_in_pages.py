"""Signing in by the provider in a real browser, under the strict policy; and the pages of accounts in both languages."""

import pytest

from tests.e2e.walking import AXE, keep
from tests.web.signing_in import directory, running

__all__ = ["directory", "running"]
pytestmark = [pytest.mark.e2e, pytest.mark.needs("chromium")]


def faults_of(page, provider=""):
    """What the console reported, but for the one request that leads to the provider, and for pages that are a refusal."""
    told = [fault for fault in page.faults if "403 (Forbidden)" not in fault]
    return [fault for fault in told if not (provider and fault.startswith(provider))]


def grave(page):
    found = page.evaluate(AXE.read_text() + "; axe.run(document, {resultTypes: ['violations']})")
    return [
        (rule["id"], node["html"][:120])
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def begin(page):
    page.goto("/accounts/login/")
    page.click("form[action='/accounts/oidc/login/'] button")


def test_a_person_comes_by_the_provider_under_the_strict_policy(page, directory, stored):
    directory.say("readers", preferred_username="kim")
    page.goto("/conversations")
    page.click("form[action='/accounts/oidc/login/'] button")
    page.wait_for_url("**/conversations")
    assert "Locked card" in page.inner_text("body")
    assert faults_of(page, directory.address) == []


def test_whoever_has_no_role_is_told_so(page, directory):
    directory.say("strangers")
    begin(page)
    page.wait_for_selector("text=federation.no_role")
    assert grave(page) == []
    assert faults_of(page, directory.address) == []
    keep(page, "sign-in-refused")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pages_of_signing_in_are_sound_in_both_languages(language, page, directory, monkeypatch):
    page.goto("/accounts/login/")
    if language != "en":
        page.click(f"button[value={language}]")
        page.wait_for_selector("text=用户名")
    assert page.get_attribute("html", "lang") == language
    assert grave(page) == []
    keep(page, f"sign-in-{language}")
    directory.say("readers")
    page.click("form[action='/accounts/oidc/login/'] button")
    page.wait_for_selector("#nav-sidebar", state="attached")
    for path in ("/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/sessions/", "/accounts/logout/"):
        page.goto(path)
        assert page.get_attribute("html", "lang") == language
        assert grave(page) == [], path
    monkeypatch.setenv("THREADVAULT_SSO_ONLY", "true")
    page.goto("/accounts/password/change/")
    assert "federation.closed" in page.inner_text("body")
    assert grave(page) == []
    assert faults_of(page, directory.address) == []


def test_the_main_path_in_chinese(page, directory, stored):
    """Sign in, look at the chats and the keys: what is around what people wrote is Chinese."""
    page.goto("/accounts/login/")
    page.click("button[value=zh-hans]")
    directory.say("readers", "officers")
    page.click("form[action='/accounts/oidc/login/'] button")
    page.wait_for_selector("#nav-sidebar", state="attached")
    for path, said in (
        ("/conversations", "阅读用途"),
        ("/keys", "密钥环"),
        ("/jobs", "作业"),
        ("/health", "等待处理的内容"),
        ("/approvals", "等待您处理"),
    ):
        page.goto(path)
        assert said in page.inner_text(".tv"), path
        assert "退出登录" in page.inner_text("body"), path
    page.click("button[value=en]")
    page.wait_for_selector("text=Waits for you")
    assert page.url.endswith("/approvals"), "the page stays"
    assert faults_of(page, directory.address) == []
