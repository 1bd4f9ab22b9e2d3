"""ATTACKS.md, row Z09: under THREADVAULT_SSO_ONLY every way in but the provider's is closed. Doors come from the URLconf."""

import base64
import time
from datetime import timedelta
from io import StringIO

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from governance.identity.models import User
from governance.identity.tokens import mint
from governance.web.federation import emergency, guarding
from governance.web.invitations import one_time_link, whole_link
from tests.conftest import PASSWORD, make_person, now, totp
from tests.security.matrix import World, routes
from tests.security.test_c_ciphertext import sql
from tests.security.test_z_federation import age
from tests.web.signing_in import directory, running
from tests.web.test_federation import opens

__all__ = ["directory", "running"]
FRESH = "another horse battery"


@pytest.fixture
def alone(directory, monkeypatch):
    """The provider, and no other way in."""
    monkeypatch.setenv("THREADVAULT_SSO_ONLY", "true")
    return directory


def everything(user):
    """What any form of a door could ask for, all of it right."""
    return {
        "login": user.username, "username": user.username, "password": PASSWORD, "oldpassword": PASSWORD,
        "password1": FRESH, "password2": FRESH, "email": user.email, "next": "/conversations", "action": "login",
    }  # fmt: skip


def doors(world, user):
    """The routes by which the person gets a session, or a credential that gives one, without the provider."""
    basic = "Basic " + base64.b64encode(f"{user.username}:{PASSWORD}".encode()).decode()
    found = set()
    for route in routes():
        for method in ("GET", "POST"):
            before = User.objects.get(pk=user.pk).password
            client = Client(headers={"authorization": basic}, raise_request_exception=False)
            path = address(route, user) if "uidb36" in route else world.nowhere(route)
            answer = getattr(client, method.lower())(path, everything(user))
            if "uidb36" in route:
                client.post(client.get(path, follow=True).request["PATH_INFO"], everything(user))
            if opens(browser_with_the_cookies_of(client)) or User.objects.get(pk=user.pk).password != before:
                found.add(route)
            if b'type="password"' in b"".join(answer):
                found.add(f"{route} shows a password's form")
            sql("UPDATE governance_user SET password = %s WHERE id = %s", before, user.pk)
    return found


def browser_with_the_cookies_of(client):
    """A browser with the cookies that the first one got, and nothing else of it."""
    other = Client()
    other.cookies = client.cookies
    return other


def address(route, user):
    """The page where a one-time link leads, with a key that is good."""
    key = default_token_generator.make_token(User.objects.get(pk=user.pk))
    return f"/accounts/password/reset/key/{user_pk_to_url_str(user)}-{key}/"


@pytest.fixture
def person(tenant, stored):
    return make_person(tenant, "analyst", name="kim")


@pytest.fixture
def world(tenant, stored):
    return World(tenant, stored, "analyst")


def test_z09_no_route_is_a_door(person, world, alone):
    assert doors(world, person) == set()


def test_z09_control_without_the_setting_the_doors_are_found(person, world, directory):
    found = doors(world, person)
    assert "accounts/login/" in found
    assert "accounts/login/ shows a password's form" in found
    assert any("uidb36" in route for route in found)


def test_z09_a_session_of_before_ends(person, directory, monkeypatch):
    client = Client()
    client.post("/accounts/login/", everything(person))
    assert opens(client), "the control"
    monkeypatch.setenv("THREADVAULT_SSO_ONLY", "true")
    assert not opens(client)
    assert client.post("/accounts/password/change/", everything(person)).status_code in {302, 403}


def test_z09_a_passkey_is_no_door(alone, directory):
    assert Client().get("/accounts/2fa/webauthn/login/").status_code == 403
    assert "passkey_login" not in Client().get("/accounts/login/").content.decode()


def test_z09_control_without_the_setting_a_passkey_is_asked_for(directory):
    assert Client(headers={"x-requested-with": "XMLHttpRequest"}).get("/accounts/2fa/webauthn/login/").status_code == 200
    assert "passkey_login" in Client().get("/accounts/login/").content.decode()


def token_of(tenant, user):
    minted = mint(tenant=tenant, user=user, name="t", now=now(), life=timedelta(hours=1), second_factor_at=now())
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {minted.plain}", HTTP_THREADVAULT_PURPOSE="support")
    return client


def test_z09_a_token_of_somebody_the_provider_does_not_know_mints_none_and_opens_nothing(person, tenant, alone, monkeypatch):
    client = token_of(tenant, person)
    assert client.post("/api/v1/tokens", {"name": "t"}, format="json").status_code == 401
    assert client.get("/api/v1/conversations").status_code == 401
    SocialAccount.objects.create(user=person, provider="https://another.example", uid="kim")
    assert client.get("/api/v1/conversations").status_code == 401, "tied to another provider"
    monkeypatch.setenv("THREADVAULT_SSO_ONLY", "false")
    assert client.post("/api/v1/tokens", {"name": "t"}, format="json").status_code == 201, "the control"


def test_z09_programs_and_those_whom_the_provider_knows_keep_their_tokens(tenant, alone):
    alone.say("readers")
    alone.sign_in()
    known = User.objects.get(socialaccount__uid="sub-1")
    assert token_of(tenant, known).get("/api/v1/conversations").status_code == 200
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    assert token_of(tenant, producer).post("/api/v1/conversations:batch", {"items": []}, format="json").status_code != 401


def test_z09_no_link_for_a_password_is_made(person, alone, monkeypatch):
    assert one_time_link(person) == ""
    assert whole_link(person, "https://vault.example") == ""
    with pytest.raises(CommandError, match="break-glass"):
        call_command("accounts", "link", "--user", person.username)
    monkeypatch.setenv("THREADVAULT_SSO_ONLY", "false")
    assert one_time_link(person).startswith("/accounts/password/reset/key/")


def test_z09_a_page_that_the_list_does_not_name_is_closed():
    named = guarding.OPEN_BY_PROVIDER
    assert not {name for name in named if "password" in name or "signup" in name or name.startswith("mfa_login")}


def test_z09_the_provider_opens(alone):
    alone.say("readers")
    client, _ = alone.sign_in()
    assert opens(client)
    assert client.get("/accounts/2fa/totp/activate/").status_code == 200


def link(user, *more):
    out = StringIO()
    call_command("accounts", "break-glass", "--user", user.username, *more, stdout=out)
    return "/" + out.getvalue().split(": /")[1].strip()


def test_z09_an_operator_lets_one_person_in_once_for_an_hour_on_the_record(person, alone, monkeypatch):
    path, client = link(person), Client()
    assert client.get(path).status_code == 200
    assert not opens(client), "looking at the link uses nothing up"
    assert client.post(path).status_code == 302
    assert opens(client)
    assert Client().post(path).status_code == 403, "once"
    events = [row[0] for row in sql("SELECT body FROM governance_auditentry WHERE event LIKE 'signin.%%' ORDER BY sequence")]
    assert '"event":"signin.break_glass"' in events[-2]
    assert '"operator":' in events[-2]
    assert '"by":"break_glass"' in events[-1]
    age(client, emergency.SESSION_SECONDS + 1)
    assert not opens(client)


def test_z09_that_link_asks_for_the_persons_second_factor(people, alone):
    user, client = people["analyst"], Client()
    answer = client.post(link(user))
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert not opens(client)
    client.post("/accounts/2fa/authenticate/", {"code": totp(user.totp_secret)})
    assert opens(client)


@pytest.mark.parametrize("spoil", ["late", "changed", "disabled", "setting off"])
def test_z09_that_link_is_good_for_nothing_else(spoil, person, alone, monkeypatch):
    path = link(person)
    if spoil == "late":
        monkeypatch.setattr(time, "time", lambda real=time.time: real() + emergency.LINK_SECONDS + 5)
    if spoil == "changed":
        path = path[:-1] + ("A" if path[-1] != "A" else "B")
    if spoil == "disabled":
        User.objects.filter(pk=person.pk).update(is_active=False)
    if spoil == "setting off":
        monkeypatch.setenv("THREADVAULT_SSO_ONLY", "false")
    assert Client().post(path).status_code == 403


def test_z09_without_the_setting_no_such_link_is_made(person, directory):
    with pytest.raises(CommandError, match=r"federation\.emergency"):
        call_command("accounts", "break-glass", "--user", person.username)


def test_z09_there_is_one_backend_and_no_other_answer_of_the_api():
    assert settings.AUTHENTICATION_BACKENDS == ["allauth.account.auth_backends.AuthenticationBackend"]
    assert settings.REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"] == ["governance.web.authentication.TokenAuthentication"]
    assert settings.REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"] == ["rest_framework.renderers.JSONRenderer"]
