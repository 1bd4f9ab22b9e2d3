"""Exports: what they hold, how they end and go on, and that nothing but redacted text is ever in one."""

import hashlib
import json
import stat

import pytest
from django.core.management import CommandError, call_command

from governance.access import granting
from governance.audit.models import AuditEntry
from governance.identity.models import ApiToken, Membership, User
from governance.identity.scoping import tenant_scope
from governance.pipeline.running import run_classification
from governance.privacy.detectors import RULESET_VERSION
from governance.vault import exporting
from governance.vault.models import Collection, Consultation, Message, State
from tests.access.policing import FORBID_MAIL, Officers
from tests.api.clients import client_of, client_with, sent, token_of
from tests.conftest import item, make_person, now, store

TRAINING = "format=openai-jsonl&collection=support-bot"
CALL = {
    "external_id": "m-3", "role": "assistant", "content": None,
    "tool_calls": [
        {"id": "t1", "type": "function", "function": {"name": "mail", "arguments": '{"to": "kim9@example.com"}'}}
    ],
}  # fmt: skip


def chat(number, **extra):
    return item(f"c-{number}", f"Mail me at kim{number}@example.com", "Done.", **extra)


@pytest.fixture
def chats(tenant):
    """Seven redacted conversations, one with a tool call; the collection allows training."""
    with_call = chat(6)
    with_call["messages"].append(CALL)
    made = store(tenant, *(chat(number) for number in range(6)), with_call)
    run_classification(tenant.id)
    with tenant_scope(tenant.id):
        Collection.objects.update(purposes=["classification", "support", "training"])
    return [one.id for one in made]


def export(client, query=""):
    return client.get(f"/api/v1/conversations:export?{query}")


def events(tenant, event):
    with tenant_scope(tenant.id):
        rows = AuditEntry.objects.filter(tenant_id=tenant.id, event=event).order_by("sequence")
        return [json.loads(row.body) for row in rows]


@pytest.mark.parametrize("address", ["/api/v1/conversations:export", "/api/v1/audit:export"])
def test_head_begins_no_export(tenant, chats, address):
    client = client_of(tenant, "auditor" if "audit" in address else "analyst")
    assert client.head(address).status_code == 405
    assert events(tenant, "export.begun") == events(tenant, "audit.exported") == []
    assert client.get(address).status_code == 200
    assert events(tenant, "export.begun") + events(tenant, "audit.exported") != []


def test_it_sends_every_conversation_and_says_what_it_sent(tenant, chats):
    lines, manifest = sent(export(client_of(tenant, "analyst")))
    assert [json.loads(line)["id"] for line in lines] == [str(chat) for chat in sorted(chats)]
    assert b"[EMAIL" in lines[0]
    assert not any(b"kim" in line for line in lines)
    assert manifest["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()
    assert (manifest["conversations"], manifest["messages"], manifest["complete"]) == (7, 15, True)
    assert (manifest["next"], manifest["because"], manifest["ruleset"]) == (None, "", RULESET_VERSION)
    assert manifest["policies"] == ["analysts-read-redacted@1"]
    (begun,), (ended,) = events(tenant, "export.begun"), events(tenant, "export.ended")
    assert begun["export"] == ended["export"] == manifest["export"]
    assert (ended["sha256"], ended["conversations"], ended["complete"]) == (manifest["sha256"], 7, True)
    with tenant_scope(tenant.id):
        assert Consultation.objects.filter(view="redacted").count() == 7


def test_the_record_is_there_before_the_first_byte(tenant, chats):
    answer = export(client_of(tenant, "analyst"))
    assert len(events(tenant, "export.begun")) == 1
    assert events(tenant, "grant.opened")[-1]["action"] == "export"
    assert events(tenant, "export.ended") == []
    answer.close()


def test_it_goes_on_where_it_ended(tenant, chats):
    analyst = client_of(tenant, "analyst")
    whole, _ = sent(export(analyst))
    found, cursor = [], ""
    for _ in range(10):
        lines, manifest = sent(export(analyst, f"limit=3{f'&cursor={cursor}' if cursor else ''}"))
        found += lines
        cursor = manifest["next"]
        if cursor is None:
            break
        assert (len(lines), manifest["complete"]) == (3, False)
    assert found == whole


def test_pages_are_grants_of_their_own_and_a_change_of_policies_ends_it(tenant, chats, monkeypatch):
    monkeypatch.setattr(exporting, "CONVERSATIONS_AT_ONCE", 2)
    answer = export(client_of(tenant, "analyst"))
    steps = iter(answer.streaming_content)
    first = [next(steps), next(steps)]
    assert granting.current() is None or not granting.current().open, "no grant is held between pages"
    Officers(tenant).put_in_force("rule", FORBID_MAIL("support-bot"))
    *more, last = list(steps)
    answer.close()
    manifest = json.loads(last)["manifest"]
    assert (len(first), more, manifest["because"], manifest["complete"]) == (2, [], "policy.denied", False)
    assert manifest["next"] is not None
    assert manifest["sha256"] == hashlib.sha256(b"".join(first)).hexdigest()
    assert events(tenant, "grant.refused")[-1]["action"] == "export"


@pytest.mark.parametrize(
    ("end", "because"),
    [
        (lambda who: Membership.objects.filter(user=who).update(ended_at=now()), "grant.epoch"),
        (lambda who: User.objects.filter(id=who.id).update(is_active=False), "grant.epoch"),
        (lambda who: ApiToken.objects.filter(user=who).update(revoked_at=now()), "grant.epoch"),
        (lambda _who: None, ""),
    ],
    ids=["role", "account", "token", "control"],
)
def test_the_end_of_a_role_an_account_or_a_token_ends_it_at_the_next_page(end, because, tenant, chats, monkeypatch):
    monkeypatch.setattr(exporting, "CONVERSATIONS_AT_ONCE", 2)
    person = make_person(tenant, "analyst")
    answer = export(client_with(token_of(tenant, person)))
    steps = iter(answer.streaming_content)
    first = [next(steps), next(steps)]
    with tenant_scope(tenant.id):
        end(person)
    *more, last = list(steps)
    answer.close()
    manifest = json.loads(last)["manifest"]
    assert (len(first), len(more), manifest["because"]) == (2, 0 if because else 5, because)
    assert manifest["complete"] == (not because)
    assert [one["code"] for one in events(tenant, "grant.refused")] == ([because] if because else [])


@pytest.mark.parametrize(("passed", "because"), [(2700, "policy.denied"), (0, "")])
def test_the_time_of_a_policy_goes_on_while_it_is_read(passed, because, tenant, chats, monkeypatch):
    monkeypatch.setattr(exporting, "CONVERSATIONS_AT_ONCE", 2)
    ends = int(now().timestamp()) + 1800
    Officers(tenant).put_in_force(
        "rule", f"forbid (principal, action, resource is Conversation) when {{ context.epoch_seconds >= {ends} }};"
    )
    answer = export(client_of(tenant, "analyst"))
    steps = iter(answer.streaming_content)
    next(steps)
    monkeypatch.setattr(exporting, "clock", lambda: granting.clock() + passed)
    manifest = json.loads(list(steps)[-1])["manifest"]
    answer.close()
    assert (manifest["because"], manifest["complete"]) == (because, not because)


def test_a_reader_who_goes_away_leaves_its_digest_on_the_record(tenant, chats):
    answer = export(client_of(tenant, "analyst"))
    steps = iter(answer.streaming_content)
    line = next(steps)
    answer.close()
    (ended,) = events(tenant, "export.ended")
    assert (ended["complete"], ended["sha256"]) == (False, hashlib.sha256(line).hexdigest())


def test_who_may_not_export_is_refused_and_recorded(tenant, chats):
    refused = export(client_of(tenant, "security_officer"))
    assert (refused.status_code, refused.json()["code"]) == (403, "policy.denied")
    narrow = client_with(token_of(tenant, make_person(tenant, "analyst"), scopes=["list"]))
    assert export(narrow).json()["code"] == "token.scope"
    assert {entry["action"] for entry in events(tenant, "grant.refused")} == {"export"}
    assert events(tenant, "export.begun") == []


def test_training_data_is_messages_with_their_tool_calls(tenant, chats):
    lines, manifest = sent(export(client_of(tenant, "analyst", purpose="training"), TRAINING))
    documents = [json.loads(line) for line in lines]
    assert all(list(document) == ["messages"] for document in documents)
    assert [message["role"] for message in documents[0]["messages"]] == ["user", "assistant"]
    call = documents[-1]["messages"][2]
    assert (call["content"], call["tool_calls"][0]["id"]) == (None, "t1")
    assert "kim" not in "".join(map(str, documents))
    assert "[EMAIL" in call["tool_calls"][0]["function"]["arguments"]
    assert (manifest["conversations"], manifest["left_out"]) == (7, {})


def test_two_exports_have_the_same_bytes(tenant, chats):
    analyst = client_of(tenant, "analyst", purpose="training")
    (first, one), (second, two) = (sent(export(analyst, TRAINING)) for _ in range(2))
    assert first == second
    assert one["sha256"] == two["sha256"]


def test_what_is_not_redacted_whole_is_left_out_and_counted_and_not_opened(tenant, chats):
    with tenant_scope(tenant.id):
        for number, state in enumerate((State.UNSCANNED, State.QUARANTINED, State.ERASED, State.PENDING)):
            Message.objects.filter(conversation_id=chats[number], ordinal=0).update(state=state)
        Message.objects.filter(conversation_id=chats[4]).update(role="user")
        Message.objects.filter(conversation_id=chats[5], ordinal=1).update(role="oracle")
    lines, manifest = sent(export(client_of(tenant, "analyst", purpose="training"), TRAINING))
    assert manifest["left_out"] == {
        "erased": 1, "no_answer": 1, "pending": 1, "quarantined": 1, "role": 1, "unscanned": 1,
    }  # fmt: skip
    assert (len(lines), manifest["messages"]) == (1, 3)
    assert events(tenant, "grant.closed")[-1]["opened"] == 3


def test_control_a_form_that_leaves_nothing_out_would_hold_them(tenant, chats, monkeypatch):
    with tenant_scope(tenant.id):
        Message.objects.filter(conversation_id=chats[0], ordinal=0).update(state=State.QUARANTINED)
    form = exporting_form()
    monkeypatch.setattr(type(form), "leaves_out", lambda self, conversation, rows: "")
    lines, manifest = sent(export(client_of(tenant, "analyst", purpose="training"), TRAINING))
    assert (len(lines), manifest["left_out"]) == (7, {})


def exporting_form():
    from governance.privacy.export_forms import FORMS

    return FORMS["openai-jsonl"]


def test_training_takes_its_purpose_and_a_collection_that_allows_it(tenant, chats):
    other = client_of(tenant, "analyst", purpose="support")
    assert export(other, TRAINING).json()["code"] == "purpose.form"
    analyst = client_of(tenant, "analyst", purpose="training")
    assert export(analyst, "format=openai-jsonl").json()["code"] == "query.value"
    answer = export(analyst, "format=openai-jsonl&collection=nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "vault.collection_unknown")
    with tenant_scope(tenant.id):
        Collection.objects.update(purposes=["classification", "support"])
    answer = export(analyst, TRAINING)
    assert (answer.status_code, answer.json()["code"]) == (403, "purpose.collection")


def test_a_conversation_longer_than_a_grant_is_counted(tenant, chats, monkeypatch):
    monkeypatch.setenv("THREADVAULT_GRANT_BUDGET", "3")
    monkeypatch.setattr(exporting, "CONVERSATIONS_AT_ONCE", 1)
    _, manifest = sent(export(client_of(tenant, "analyst", purpose="training"), TRAINING))
    assert (manifest["conversations"], manifest["left_out"]) == (6, {"too_long": 1})


def test_branches_lead_to_the_last_message(tenant, chats):
    with tenant_scope(tenant.id):
        root, left = Message.objects.filter(conversation_id=chats[6]).order_by("ordinal")[:2]
        Message.objects.filter(conversation_id=chats[6], ordinal__gte=1).update(parent_id=root.id)
    lines, _ = sent(export(client_of(tenant, "analyst", purpose="training"), TRAINING))
    roles = [message["role"] for message in json.loads(lines[-1])["messages"]]
    assert roles == ["user", "assistant"]
    assert left.role == "assistant"
    assert "tool_calls" in json.loads(lines[-1])["messages"][1]


@pytest.mark.parametrize("query", ["format=csv", "limit=0", "limit=x", "limit=99999999999", "collection="])
def test_a_value_that_is_none_is_a_problem(tenant, chats, query):
    answer = export(client_of(tenant, "analyst"), query)
    if query == "collection=":
        assert answer.status_code == 200
        answer.close()
        return
    assert (answer.status_code, answer.json()["code"]) == (400, "query.value")


def test_the_command_writes_the_bytes_of_the_api_for_its_owner_alone(tenant, chats, people, tmp_path, capsys):
    target = tmp_path / "training.jsonl"
    options = {"purpose": "training", "format": "openai-jsonl", "member": people["analyst"].username}
    with pytest.raises(CommandError, match="--collection"):
        call_command("export", str(target), **options)
    call_command("export", str(target), collection="support-bot", as_json=True, **options)
    told = json.loads(capsys.readouterr().out)
    lines, manifest = sent(export(client_with(token_of(tenant, people["analyst"]), "training"), TRAINING))
    assert target.read_bytes() == b"".join(lines)
    beside = tmp_path / "training.jsonl.manifest.json"
    assert json.loads(beside.read_bytes()) == told
    changes = {"export", "created"}
    assert {k: v for k, v in told.items() if k not in changes} == {k: v for k, v in manifest.items() if k not in changes}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (target, beside)} == {0o600}
    assert '"operator":' in json.dumps(events(tenant, "export.begun")[0])
    with pytest.raises(CommandError, match="is there already"):
        call_command("export", str(target), collection="support-bot", **options)
