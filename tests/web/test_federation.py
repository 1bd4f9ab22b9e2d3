"""Sign-in by an OpenID provider that runs as a process of its own: accounts, roles, and what goes to the provider."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.test import Client

from governance.identity.federating import create_federated
from governance.identity.models import Membership, User
from tests.conftest import PASSWORD, make_person
from tests.security.test_c_ciphertext import sql
from tests.web.signing_in import directory, query_of, running

__all__ = ["directory", "running"]


def roles_of(user):
    return set(Membership.objects.filter(user=user, ended_at=None).values_list("role", flat=True))


def opens(client):
    return client.get("/conversations").status_code == 200


def recorded(user, *events):
    found = sql("SELECT event, body FROM governance_auditentry WHERE event = ANY(%s) ORDER BY sequence", list(events))
    return [event for event, body in found if str(user.pk) in body]


def test_the_first_sign_in_makes_an_account_with_the_roles_of_the_groups(directory):
    directory.say("readers", "elsewhere", sub="sub-7", preferred_username="kim", email="kim@example.com")
    client, answer = directory.sign_in()
    assert answer.status_code == 302
    assert opens(client)
    user = User.objects.get(username="kim")
    assert roles_of(user) == {"analyst"}
    assert not user.has_usable_password()
    tied = SocialAccount.objects.get(user=user)
    assert (tied.provider, tied.uid, tied.extra_data) == (directory.address, "sub-7", {})
    assert sorted(recorded(user, "member.added", "signin.succeeded")) == ["member.added", "signin.succeeded"]
    assert not user.email
    assert not EmailAddress.objects.exists()
    assert not SocialToken.objects.exists()


def test_the_same_subject_is_the_same_account_whatever_it_is_called_now(directory):
    directory.say("readers", preferred_username="kim")
    directory.sign_in()
    directory.say("readers", preferred_username="lee")
    client, _ = directory.sign_in()
    assert opens(client)
    assert [user.username for user in User.objects.filter(socialaccount__isnull=False)] == ["kim"]


def test_roles_follow_the_groups_and_each_change_is_recorded(directory):
    directory.say("readers", "lawyers")
    directory.sign_in()
    user = User.objects.get(socialaccount__uid="sub-1")
    assert roles_of(user) == {"analyst", "privacy_officer"}
    directory.say("lawyers", "officers")
    directory.sign_in()
    assert roles_of(user) == {"privacy_officer", "security_officer"}
    assert recorded(user, "member.added").count("member.added") == 3
    assert recorded(user, "member.removed") == ["member.removed"]


def test_whoever_has_lost_all_groups_loses_all_roles_and_is_not_signed_in(directory, tenant):
    make_person(tenant, "security_officer")
    directory.say("readers", "officers")
    before, _ = directory.sign_in()
    assert opens(before)
    directory.say()
    client, answer = directory.sign_in()
    assert answer.status_code == 403
    assert b"federation.no_role" in answer.content
    assert not opens(client)
    assert not opens(before), "an open session has no role either"
    user = User.objects.get(socialaccount__uid="sub-1")
    assert roles_of(user) == set()
    assert recorded(user, "signin.failed") == ["signin.failed"]


def test_the_last_security_officer_keeps_that_role_and_is_not_signed_in(directory):
    directory.say("officers", "readers")
    directory.sign_in()
    directory.say()
    client, answer = directory.sign_in()
    assert answer.status_code == 403
    assert not opens(client)
    assert roles_of(User.objects.get(socialaccount__uid="sub-1")) == {"security_officer"}


def test_nobody_without_a_role_gets_an_account(directory):
    directory.say("strangers")
    before = User.objects.count()
    _, answer = directory.sign_in()
    assert answer.status_code == 403
    assert User.objects.count() == before


def test_an_account_that_was_disabled_stays_shut(directory):
    directory.say("readers")
    directory.sign_in()
    User.objects.filter(socialaccount__uid="sub-1").update(is_active=False)
    client, _ = directory.sign_in()
    assert not opens(client)


def test_a_sign_in_while_somebody_is_signed_in_is_kept_by_the_browser(directory, tenant):
    """The sign-out in between must not clear the cookies of the new session."""
    client = Client()
    client.post("/accounts/login/", {"login": make_person(tenant, "auditor").username, "password": PASSWORD})
    directory.say("readers")
    client, answer = directory.sign_in(client)
    assert "Clear-Site-Data" not in answer.headers
    assert opens(client)


def test_what_goes_to_the_provider_is_ours_and_not_the_links(directory):
    directory.say("readers")
    client = Client()
    to = query_of(
        directory.begin(client, scope="admin", auth_params="nonce=x&max_age=1", process="connect", next="//evil.example")
    )
    assert set(to) == {
        "client_id",
        "redirect_uri",
        "scope",
        "response_type",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert set(to["scope"].split()) == {"openid", "profile"}
    assert to["code_challenge_method"] == "S256"
    assert to["nonce"] != "x"
    assert query_of(directory.begin(client))["nonce"] != to["nonce"]


def test_off_there_is_no_such_page(tenant):
    assert Client().post("/accounts/oidc/login/").status_code == 404
    assert Client().get("/accounts/oidc/login/callback/").status_code == 404
    assert b"organisation" not in Client().get("/accounts/login/").content


def test_a_second_factor_of_the_account_is_asked_for_at_sign_in(directory):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    directory.say("readers")
    directory.sign_in()
    TOTP.activate(User.objects.get(socialaccount__uid="sub-1"), generate_totp_secret())
    client, answer = directory.sign_in()
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert not opens(client)


@pytest.mark.parametrize("wanted", ["", "a b", "名字", "x" * 400, "../..", "kim"])
def test_an_account_of_a_directory_is_always_a_new_one(wanted, tenant):
    known = make_person(tenant, "analyst", name="kim")
    made = create_federated(wanted=wanted)
    assert made.pk != known.pk
    assert made.username not in {"", "kim"}
    assert create_federated(wanted=wanted).username != made.username


def test_nothing_of_the_provider_is_a_second_factor(directory):
    directory.say("readers", amr=["mfa", "otp"], acr="high")
    directory.sign_in()
    assert not Authenticator.objects.filter(user__socialaccount__uid="sub-1").exists()
