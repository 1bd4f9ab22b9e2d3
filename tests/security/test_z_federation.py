"""ATTACKS.md, rows Z06, Z07, Z11 and Z13 for sign-in by a provider. The provider is a process of its own; each row has its control."""

import json

import jwt
import pytest
import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.test import Client

from governance.identity.models import User
from governance.web.federation import accounts, guarding, id_tokens, provider
from governance.web.federation.directory import configured, is_reachable
from governance.web.federation.errors import Misconfigured
from governance.web.federation.fetching import GuardedSession
from governance.web.second_factor import factors_of
from tests.conftest import PASSWORD, make_person
from tests.web.openid_provider import SPOILED
from tests.web.signing_in import directory, query_of, running
from tests.web.test_federation import opens

__all__ = ["directory", "running"]
BAD = [name for name in SPOILED if name]
# Without a signature's check, as allauth has it for a token that came over TLS, these would be believed.
UNSIGNED = ["alg none", "HS256 with the public key", "a broken signature", "claims changed after signing", "an unknown kid"]


@pytest.mark.parametrize("spoil", BAD)
def test_z06_an_id_token_that_is_not_good_signs_nobody_in(spoil, directory):
    directory.say("officers", spoil=spoil)
    client, answer = directory.sign_in()
    assert answer.status_code == 403
    assert b"federation.refused" in answer.content
    assert not opens(client)
    assert not User.objects.filter(socialaccount__isnull=False).exists()
    directory.say("officers")
    assert opens(directory.sign_in()[0]), "the control: without that fault"


@pytest.mark.parametrize("spoil", UNSIGNED)
def test_z06_control_without_the_check_of_the_signature_it_signs_in(spoil, directory, monkeypatch):
    def unchecked(token, **_):
        return json.loads(jwt.utils.base64url_decode(token.split(".")[1]))

    monkeypatch.setattr(id_tokens, "_key", lambda header, keys: jwt.PyJWK(keys[0], "RS256"))
    monkeypatch.setattr(id_tokens.jwt, "decode", unchecked)
    directory.say("officers", spoil=spoil)
    assert opens(directory.sign_in()[0])


@pytest.mark.parametrize("spoil", ["another nonce", "a further audience", "another authorised party"])
def test_z06_control_without_our_own_checks_it_signs_in(spoil, directory, monkeypatch):
    monkeypatch.setattr(id_tokens, "_check", lambda *_: None)
    directory.say("officers", spoil=spoil)
    assert opens(directory.sign_in()[0])


def test_z06_an_answer_of_the_provider_is_good_once_and_in_its_own_browser(directory):
    directory.say("readers")
    mine, theirs = Client(), Client()
    back = directory.come_back(directory.begin(mine))
    assert not opens(login_of(theirs, back)), "another browser: no such state"
    assert opens(login_of(mine, back))
    again = mine.get(back)
    assert again.status_code == 403
    changed = directory.come_back(directory.begin(theirs)).replace("state=", "state=x")
    assert not opens(login_of(theirs, changed))


def login_of(client, back):
    client.get(back)
    return client


def test_z06_a_code_that_was_stolen_is_worth_nothing_without_the_verifier(directory):
    """PKCE: the thief's own attempt has another verifier, and the provider refuses the code."""
    directory.say("readers")
    victim, thief = Client(), Client()
    stolen = query_of(directory.come_back(directory.begin(victim)))["code"]
    own = query_of(directory.come_back(directory.begin(thief)))["state"]
    answer = thief.get(f"/accounts/oidc/login/callback/?code={stolen}&state={own}")
    assert answer.status_code == 403
    assert not opens(thief)


def test_z06_a_local_account_is_taken_over_neither_by_address_nor_by_name(directory, tenant):
    known = make_person(tenant, "security_officer", name="chief")
    User.objects.filter(pk=known.pk).update(email="chief@example.com")
    directory.say("readers", sub="mallory", preferred_username="chief", email="chief@example.com", email_verified=True)
    client, _ = directory.sign_in()
    assert opens(client)
    assert client.session["_auth_user_id"] != str(known.pk)
    assert client.get("/keys").status_code == 403
    assert not known.socialaccount_set.exists()


def test_z06_control_by_address_the_account_would_be_taken_over(directory, tenant, monkeypatch, settings):
    """What allauth does where it is told to trust the provider's addresses."""
    settings.SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
    known = make_person(tenant, "security_officer", name="chief")
    User.objects.filter(pk=known.pk).update(email="chief@example.com")
    ours = accounts.DirectoryAccountAdapter
    monkeypatch.setattr(ours, "can_authenticate_by_email", DefaultSocialAccountAdapter.can_authenticate_by_email)
    stock = provider.OpenIDConnectProvider.extract_email_addresses
    monkeypatch.setattr(provider.DirectoryProvider, "extract_email_addresses", stock)
    directory.say("readers", sub="mallory", email="chief@example.com", email_verified=True)
    client, _ = directory.sign_in()
    assert client.session["_auth_user_id"] == str(known.pk)


def test_z06_no_link_ties_a_providers_person_to_the_account_that_is_signed_in(directory, tenant):
    known, client = make_person(tenant, "analyst"), Client()
    client.post("/accounts/login/", {"login": known.username, "password": PASSWORD})
    directory.say("readers", sub="mallory")
    directory.sign_in(client, process="connect")
    assert not known.socialaccount_set.exists()
    assert client.session["_auth_user_id"] != str(known.pk)


@pytest.mark.parametrize("page", ["totp/activate/", "webauthn/add/", "recovery-codes/generate/"])
def test_z11_who_came_by_the_provider_sets_no_factor_with_a_session_alone(page, directory, monkeypatch):
    """The library takes somebody without password and factor for authenticated anew: a stolen session would enrol a factor."""
    directory.say("readers")
    client, _ = directory.sign_in()
    age(client, 3600)
    for method in (client.get, client.post):
        answer = method(f"/accounts/2fa/{page}")
        assert answer["Location"].startswith("/accounts/again/")
    assert not factors_of(User.objects.get(socialaccount__uid="sub-1"))
    monkeypatch.setattr(guarding, "may_set_credentials", lambda _: True)
    assert client.get(f"/accounts/2fa/{page}").get("Location", "") == "", "the control: without our guard the page is open"


def age(client, seconds):
    """Let the session have begun long ago."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()


def test_z11_coming_from_the_provider_anew_opens_those_pages(directory):
    directory.say("readers")
    client, _ = directory.sign_in()
    age(client, 3600)
    to = query_of(directory.begin(client, fresh="1"))
    assert (to["prompt"], to["max_age"]) == ("login", "0")
    directory.sign_in(client, fresh="1")
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def test_z11_a_provider_that_did_not_ask_anew_is_not_believed(directory):
    directory.say("readers", auth_time=1_000_000_000)
    client, answer = directory.sign_in(fresh="1")
    assert answer.status_code == 403
    assert not opens(client)
    assert opens(directory.sign_in()[0]), "the control: it is good where nothing fresh is needed"


def test_z11_a_reveal_takes_a_local_factor_of_who_came_by_the_provider(directory, stored):
    directory.say("lawyers", amr=["mfa"])
    client, _ = directory.sign_in()
    address = f"/conversations/{stored[0]}/reveal"
    given = {"purpose": "subject_request", "reason": "asked", "code": "123456"}
    answer = client.post(address, given)
    assert answer.status_code == 403
    assert b"kim0@example.com" not in answer.content
    show(client)
    answer = client.post(address, {**given, "code": ""})
    assert b"kim0@example.com" in answer.content, "the control: with a factor"


def show(client):
    session = client.session
    session["account_authentication_methods"] += [
        {"method": "mfa", "type": "totp", "at": session["account_authentication_methods"][0]["at"]}
    ]
    session.save()


ADDRESSES = {
    "https://id.example.com": True,
    "https://id.example.com:8443/realms/a": True,
    "http://127.0.0.1:8080": True,
    "http://localhost:8080": True,
    "http://id.example.com": False,
    "http://10.0.0.1": False,
    "http://169.254.169.254/latest": False,
    "https://169.254.169.254/latest": False,
    "https://[::ffff:169.254.169.254]/": False,
    "https://name:password@id.example.com": False,
    "https://name@id.example.com": False,
    "file:///etc/passwd": False,
    "gopher://127.0.0.1:6379": False,
    "ftp://id.example.com": False,
    "https://": False,
    "//id.example.com": False,
    "https://[": False,
    "https://id.example.com#x": False,
}


@pytest.mark.parametrize(("address", "good"), ADDRESSES.items())
def test_z13_the_issuer_is_https_or_this_machine(address, good, directory, monkeypatch):
    assert is_reachable(address) == good
    monkeypatch.setenv("THREADVAULT_OIDC_ISSUER", address)
    if good:
        assert configured().issuer == address
    else:
        with pytest.raises(Misconfigured):
            configured()


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1/x", "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/", "https://0.0.0.0/"]
)
def test_z13_a_provider_elsewhere_names_no_address_of_this_machine(address):
    assert not is_reachable(address, loopback=False)
    assert is_reachable(address), "the control: a provider of this machine does"


@pytest.mark.parametrize("more", [
    pytest.param({"token_endpoint": "http://10.0.0.1/token"}, id="a token endpoint elsewhere in clear"),
    pytest.param({"token_endpoint": "https://169.254.169.254/latest"}, id="a service of the machine's cloud"),
    pytest.param({"token_endpoint": "file:///etc/passwd"}, id="a file"),
    pytest.param({"issuer": "https://elsewhere.example"}, id="another issuer"),
])  # fmt: skip
def test_z13_what_the_provider_names_follows_the_same_rules(more, directory):
    directory.say("readers", more=more)
    answer = Client().post("/accounts/oidc/login/")
    assert answer.status_code == 503
    assert b"federation.away" in answer.content
    directory.say("readers")
    assert Client().post("/accounts/oidc/login/").status_code == 200, "the control"


def test_z13_a_redirect_of_the_provider_is_not_followed(directory):
    session = GuardedSession(configured())
    with pytest.raises(Exception, match="leads elsewhere"):
        session.get(f"{directory.address}/authorize?state=s&redirect_uri={directory.address}/inner")
    assert requests.get(f"{directory.address}/seen", timeout=10).json() == []
    requests.get(f"{directory.address}/authorize?state=s&redirect_uri={directory.address}/inner", timeout=10)
    assert requests.get(f"{directory.address}/seen", timeout=10).json() == ["/inner"], (
        "the control: a session without the rule"
    )


def test_z13_a_provider_that_is_away_is_said_in_time(directory, monkeypatch):
    monkeypatch.setenv("THREADVAULT_OIDC_ISSUER", "http://127.0.0.1:9")
    assert Client().post("/accounts/oidc/login/").status_code == 503


def test_z07_attempts_by_the_provider_are_counted(directory, monkeypatch):
    monkeypatch.setenv("THREADVAULT_SIGNIN_TRIES_PER_ADDRESS", "3")
    client = Client(REMOTE_ADDR="192.0.2.77")
    assert [client.post("/accounts/oidc/login/").status_code for _ in range(4)] == [200, 200, 200, 429]
