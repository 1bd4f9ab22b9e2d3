"""Lists and details agree: a conversation is in a list exactly where its detail would be authorised."""

import itertools
import random
from datetime import timedelta

import pytest

from governance.access.authorising import authorise
from governance.access.errors import AccessDenied
from governance.access.models import AccessPolicy, Purpose
from governance.identity.principals import Principal
from governance.identity.scoping import tenant_scope
from governance.vault.listing import count_visible, list_conversations, visible
from governance.vault.models import Collection, Conversation
from governance.vault.resources import cells_found, resources
from tests.access.policing import FORBID_MAIL, Officers
from tests.conftest import as_principal, item, now, store

COLLECTIONS = ("bot", "mail", "hr")
CONDITIONS = (
    "true",
    "resource.classification <= 1",
    "resource.classification > 2 || context.second_factor",
    "!resource.held",
    "resource.restricted",
    'resource.collection == "hr"',
    '["bot", "mail"].contains(resource.collection) && context.purpose == "quality"',
    'principal.roles.contains("auditor")',
    "context.epoch_seconds >= 1",
    "context.epoch_seconds > 4102444800",
)
ACTIONS = ("list", "read_redacted", "read_source", "search", "export")


@pytest.fixture
def many(tenant):
    """Conversations of every cell of three collections, one of which does not allow `quality`."""
    ids = [one.id for one in store(tenant, *(item(f"c-{at}", "hi", collection=COLLECTIONS[at % 3]) for at in range(48)))]
    with tenant_scope(tenant.id):
        for at, (classification, held, restricted) in enumerate(itertools.product(range(4), (False, True), (False, True))):
            Conversation.objects.filter(id__in=ids[at * 3 : at * 3 + 3]).update(
                classification=classification, held=held, restricted=restricted
            )
        Collection.objects.filter(name="mail").update(purposes=["support"])
        AccessPolicy.objects.all().delete()
    return ids


def random_policies(tenant, generator):
    with tenant_scope(tenant.id):
        AccessPolicy.objects.all().delete()
        for number in range(generator.randint(0, 5)):
            effect = generator.choice(["permit", "permit", "forbid"])
            action = generator.choice(["action", f'action == Action::"{generator.choice(ACTIONS)}"'])
            condition = generator.choice(CONDITIONS)
            AccessPolicy.objects.create(
                tenant=tenant, name=f"p{number}", state="active",
                cedar=f"{effect} (principal, {action}, resource is Conversation) when {{ {condition} }};",
            )  # fmt: skip


def in_list(principal, action, purpose):
    try:
        return set(
            Conversation.objects.filter(
                visible(principal=principal, action=action, purpose=purpose, now=now()).condition
            ).values_list("id", flat=True)
        )
    except AccessDenied:
        return set()


def in_detail(principal, action, purpose, ids):
    allowed = set()
    for one, resource in resources(ids).items():
        try:
            authorise(principal=principal, action=action, purpose=purpose, resources={one: resource}, now=now())
        except AccessDenied:
            continue
        allowed.add(one)
    return allowed


@pytest.mark.parametrize("seed", range(12))
def test_list_and_detail_agree_for_whatever_policies_say(tenant, people, many, seed):
    generator = random.Random(seed)
    random_policies(tenant, generator)
    agreed = set()
    for action, purpose, role in itertools.product(ACTIONS, ("support", "quality", "training"), ("analyst", "auditor")):
        principal = as_principal(tenant, people[role], second_factor=generator.random() < 0.5)
        with tenant_scope(tenant.id):
            listed = in_list(principal, action, purpose)
            assert listed == in_detail(principal, action, purpose, many)
        agreed |= {len(listed)}
    assert agreed


def test_the_agreement_fails_where_a_list_asks_another_way(tenant, people, many, monkeypatch):
    """A control: a list that is filtered by the collection alone shows what details refuse."""
    with tenant_scope(tenant.id):
        AccessPolicy.objects.create(
            tenant=tenant, name="p", state="active",
            cedar="permit (principal, action, resource is Conversation) when { resource.classification <= 1 };",
        )  # fmt: skip
        principal = as_principal(tenant, people["analyst"])
        assert in_list(principal, "list", "support") == in_detail(principal, "list", "support", many)
        careless = set(Conversation.objects.filter(collection__name="bot").values_list("id", flat=True))
        assert careless - in_detail(principal, "list", "support", many)


def test_the_cells_found_are_those_that_occur(tenant, many):
    with tenant_scope(tenant.id):
        found = set(cells_found())
        rows = set(Conversation.objects.values_list("collection_id", "classification", "held", "restricted"))
    assert found == rows
    assert len(found) == 48


def test_no_conversations_have_no_cells(tenant):
    with tenant_scope(tenant.id):
        assert cells_found() == {}


def test_counts_go_the_same_way(tenant, people, stored):
    officers = Officers(tenant)
    principal = as_principal(tenant, people["analyst"])
    before = count_visible(principal=principal, purpose="support", now=now())
    assert (sum(before.states.values()), before.messages, before.waiting) == (3, 6, 0)
    officers.put_in_force("no-bot", FORBID_MAIL("support-bot"))
    assert count_visible(principal=principal, purpose="support", now=now()) is None
    store(tenant, item("c-9", "hello", collection="other"))
    after = count_visible(principal=principal, purpose="support", now=now())
    assert (sum(after.states.values()), after.messages, after.waiting) == (1, 1, 1)


def test_a_policy_with_an_end_ends_by_itself(tenant, people, stored):
    ends = now() + timedelta(hours=1)
    with tenant_scope(tenant.id):
        AccessPolicy.objects.filter(name="analysts-read-redacted").update(
            cedar="permit (principal, action, resource is Conversation)"
            f" when {{ context.epoch_seconds < {int(ends.timestamp())} }};"
        )
    principal = as_principal(tenant, people["analyst"])
    assert list_conversations(principal=principal, purpose="support", now=now())
    with pytest.raises(AccessDenied):
        list_conversations(principal=principal, purpose="support", now=ends)


def test_a_token_without_the_scope_lists_nothing(tenant, people, stored):
    principal = as_principal(tenant, people["analyst"], scopes=frozenset({"read_redacted"}))
    assert isinstance(principal, Principal)
    with pytest.raises(AccessDenied) as refusal:
        list_conversations(principal=principal, purpose="support", now=now())
    assert refusal.value.code == "token.scope"
    with tenant_scope(tenant.id):
        assert Purpose.objects.filter(code="support").exists()
