"""Who sees what: the same conversation for every role."""

import pytest

from governance.access.errors import AccessDenied
from governance.audit.models import AuditEntry
from governance.identity.scoping import tenant_scope
from governance.pipeline.running import run_classification
from governance.vault.errors import NotFound
from governance.vault.listing import list_conversations
from governance.vault.reading import read_conversation
from tests.access.policing import Officers
from tests.conftest import as_principal, item, make_person, make_tenant, now, store
from tests.security.test_c_ciphertext import sql


def read(principal, conversation, view="redacted"):
    opened = read_conversation(
        principal=principal, conversation_id=conversation, purpose="support", view=view, reason="asked", now=now()
    )
    return [message.document.item["content"] for message in opened.messages]


def events(tenant):
    with tenant_scope(tenant.id):
        return list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))


def test_it_shows_the_analyst_redacted_text_only(tenant, people, stored):
    analyst = as_principal(tenant, people["analyst"], second_factor=True)
    assert read(analyst, stored[0])[0].startswith("Mail me at [EMAIL·")
    with pytest.raises(AccessDenied) as refusal:
        read(analyst, stored[0], "source")
    assert refusal.value.code == "policy.denied"
    assert events(tenant)[-1] == "grant.refused"


def test_it_shows_the_privacy_officer_the_source_with_a_second_factor(tenant, people, stored):
    with pytest.raises(AccessDenied) as refusal:
        read(as_principal(tenant, people["privacy_officer"]), stored[0], "source")
    assert refusal.value.code == "second_factor.needed"
    officer = as_principal(tenant, people["privacy_officer"], second_factor=True)
    assert read(officer, stored[0], "source")[0] == "Mail me at kim0@example.com"
    assert events(tenant)[-2:] == ["grant.opened", "grant.closed"]


@pytest.mark.parametrize("role", ["auditor", "security_officer"])
def test_it_shows_others_nothing(tenant, people, stored, role):
    principal = as_principal(tenant, people[role], second_factor=True)
    for view in ("redacted", "source"):
        with pytest.raises(AccessDenied):
            read(principal, stored[0], view)
    with pytest.raises(AccessDenied):
        list_conversations(principal=principal, purpose="support", now=now())


CEILING = """forbid (principal, action == Action::"read_source", resource is Conversation)
when { resource.classification > 1 };"""


def test_a_ceiling_holds_before_anything_is_scanned(tenant, people):
    Officers(tenant).put_in_force("ceiling", CEILING)
    (chat,) = store(tenant, item("c-1", "nothing to find here"))
    officer = as_principal(tenant, people["privacy_officer"], second_factor=True)
    with pytest.raises(AccessDenied):
        read(officer, chat.id, "source")
    run_classification(tenant.id)
    assert read(officer, chat.id, "source") == ["nothing to find here"], "the control: it was scanned, and is internal"
    store(tenant, item("c-1", "nothing to find here", "card 4111 1111 1111 1111"))
    with pytest.raises(AccessDenied):
        read(officer, chat.id, "source")
    opened = read_conversation(principal=officer, conversation_id=chat.id, purpose="support", now=now())
    assert opened.messages[0].document.item["content"] == "nothing to find here", "the redacted view goes on"


def test_what_was_set_aside_is_restricted_and_so_is_its_conversation(tenant, people):
    (chat,) = store(tenant, item("c-1", "nothing to find here"))
    sql("UPDATE governance_message SET attempt = 3")
    run_classification(tenant.id)
    assert sql("SELECT state, classification FROM governance_message") == [(3, 3)]
    assert sql("SELECT state, classification FROM governance_conversation WHERE id = %s", chat.id) == [(1, 3)]
    assert sql("SELECT count(*) FROM governance_auditentry WHERE event = 'message.quarantined'") == [(1,)]


def test_it_knows_no_conversation_of_another_tenant(tenant, people, stored):
    other = make_tenant()
    outsider = as_principal(other, make_person(other, "privacy_officer"), second_factor=True)
    with pytest.raises(NotFound):
        read(outsider, stored[0])
    assert list_conversations(principal=outsider, purpose="support", now=now()) == []


def test_a_conversation_is_as_sensitive_as_its_most_sensitive_message(tenant, people, stored):
    lines = list_conversations(principal=as_principal(tenant, people["analyst"]), purpose="support", now=now())
    assert {line.classification for line in lines} == {"confidential"}
