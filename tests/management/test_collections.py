"""`manage.py collections` as an officer types it."""

import pytest
from django.core.management import CommandError, call_command

from governance.identity.scoping import tenant_scope
from governance.vault.models import Collection
from tests.conftest import totp
from tests.management.test_commands import output


@pytest.mark.parametrize(("what", "purpose"), [("allow", "training"), ("forbid", "support")])
def test_an_officer_changes_what_a_collection_allows(what, purpose, tenant, people, stored, capsys):
    officer = people["security_officer"]
    [before] = output(capsys, "collections", "list", member=officer.username)["collections"]
    assert (before["name"], purpose in before["purposes"]) == ("support-bot", what == "forbid")
    given = {"member": officer.username}
    with pytest.raises(CommandError, match="second_factor"):
        call_command("collections", what, "support-bot", purpose, **given)
    given["code"] = totp(officer.totp_secret)
    [after] = output(capsys, "collections", what, "support-bot", purpose, **given)["collections"]
    assert {*after["purposes"]} ^ {*before["purposes"]} == {purpose}
    with tenant_scope(tenant.id):
        assert {*Collection.objects.get().purposes} == {*after["purposes"]}


def test_what_is_not_there_is_named(tenant, people, stored):
    officer = people["security_officer"]
    with pytest.raises(CommandError, match="there are: support-bot"):
        call_command("collections", "allow", "elsewhere", "training", member=officer.username)
    with pytest.raises(CommandError, match="Name the purpose"):
        call_command("collections", "allow", "support-bot", member=officer.username)
    with pytest.raises(CommandError, match="gardening"):
        call_command(
            "collections", "allow", "support-bot", "gardening", member=officer.username, code=totp(officer.totp_secret)
        )


def test_an_analyst_is_refused(tenant, people, stored):
    with pytest.raises(CommandError, match="denied"):
        call_command("collections", "list", member=people["analyst"].username)
