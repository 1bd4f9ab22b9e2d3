"""The evaluator decides as Cedar alone does with every policy and the exact time, whatever it keeps and leaves out."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import cedarpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.access.cells import Cell
from governance.access.deciding import Asked, Ruling, decide
from governance.access.errors import PolicyInvalid
from governance.access.moments import Timetable, moment_of
from governance.access.rules import read_rule, validate
from governance.access.schema import CEDAR_SCHEMA, SEED_POLICIES

PERSON = UUID(int=7)
BASE = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
EPOCH = int(BASE.timestamp())
ROLES, PURPOSES, COLLECTIONS = ["analyst", "auditor"], ["support", "quality"], ["chats", "mail"]
ACTIONS = ["list", "read_redacted", "read_source"]


def quoted(values):
    return st.sampled_from(values).map(json.dumps)


def listed(values):
    return st.lists(st.sampled_from(values), min_size=1, unique=True).map(json.dumps)


comparison = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
atoms = st.one_of(
    quoted(ROLES).map("principal.roles.contains({})".format),
    listed(ROLES).map("principal.roles.containsAny({})".format),
    listed(ROLES).map("principal.roles.containsAll({})".format),
    quoted(PURPOSES).map("context.purpose == {}".format),
    quoted(PURPOSES).map("{} == context.purpose".format),
    listed(PURPOSES).map("{}.contains(context.purpose)".format),
    quoted(COLLECTIONS).map("resource.collection == {}".format),
    listed(COLLECTIONS).map("{}.contains(resource.collection)".format),
    st.just('resource.collection like "c*"'),
    st.just("context.purpose == resource.collection"),
    st.just('["quality", resource.collection].contains(context.purpose)'),
    st.tuples(comparison, st.integers(0, 3)).map(lambda pair: f"resource.classification {pair[0]} {pair[1]}"),
    st.sampled_from(["resource.held", "resource.restricted", "context.second_factor", 'principal.kind == "person"']),
    st.tuples(comparison, st.integers(-2, 2)).map(lambda pair: f"context.epoch_seconds {pair[0]} {EPOCH + pair[1]}"),
    st.tuples(comparison, st.integers(568, 572)).map(lambda pair: f"{pair[1]} {pair[0]} context.minute_of_day"),
    st.tuples(comparison, st.integers(1, 7)).map(lambda pair: f"context.weekday {pair[0]} {pair[1]}"),
    st.just("resource.classification + 9223372036854775806 > 0"),
)
bodies = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" && ".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} || {pair[1]})"),
        inner.map("!({})".format),
    ),
    max_leaves=5,
)
scopes = st.one_of(
    st.just("action"),
    st.sampled_from(ACTIONS).map('action == Action::"{}"'.format),
    listed(ACTIONS).map(lambda names: f"action in [{', '.join(f'Action::{json.dumps(n)}' for n in json.loads(names))}]"),
)
policies = st.builds(
    lambda effect, scope, kind, body: f"{effect} (principal, {scope}, resource is Conversation) {kind} {{ {body} }};",
    st.sampled_from(["permit", "permit", "forbid"]),
    scopes,
    st.sampled_from(["when", "when", "unless"]),
    bodies,
)
requests = st.tuples(
    st.frozensets(st.sampled_from(ROLES)),
    st.sampled_from(ACTIONS),
    st.sampled_from(PURPOSES),
    st.booleans(),
    st.builds(Cell, st.sampled_from(COLLECTIONS), st.integers(0, 3), st.booleans(), st.booleans()),
    st.integers(-3, 3) | st.integers(-200, 200).map(lambda minutes: minutes * 60) | st.sampled_from([-86400, 86400 * 3]),
)


def cedar_alone(texts, asked, cell, now):
    entities = [
        {
            "uid": {"type": "Principal", "id": "p"},
            "attrs": {"roles": sorted(asked.roles), "kind": asked.kind},
            "parents": [],
        },
        {"uid": {"type": "Conversation", "id": "c"}, "attrs": cell.as_attributes(), "parents": []},
    ]
    request = {
        "principal": 'Principal::"p"',
        "action": f'Action::"{asked.action}"',
        "resource": 'Conversation::"c"',
        "context": {"purpose": asked.purpose, "second_factor": asked.second_factor, **moment_of(now)._asdict()},
    }
    result = cedarpy.is_authorized(request, "\n".join(texts), entities, CEDAR_SCHEMA)
    return result.decision is cedarpy.Decision.Allow and not result.diagnostics.errors


@settings(max_examples=300, deadline=None)
@given(st.lists(policies, max_size=6, unique=True), st.lists(requests, min_size=1, max_size=6))
@example(
    ["permit (principal, action, resource is Conversation) when { true };",
     ("forbid (principal, action, resource is Conversation) when"
     ' { resource.classification + 9223372036854775806 > 0 && resource.collection == "mail" };')],
    [(frozenset(), "list", "support", False, Cell("chats", 3, False, False), 0)],
)  # fmt: skip
def test_it_decides_as_cedar_alone_does(texts, asked_for):
    ruling = Ruling(0, tuple(read_rule(name=f"p{at}", version=1, cedar=text) for at, text in enumerate(texts)))
    for roles, action, purpose, second_factor, cell, seconds in asked_for:
        asked, now = Asked(PERSON, "person", roles, action, purpose, second_factor), BASE + timedelta(seconds=seconds)
        decided = decide(ruling=ruling, asked=asked, cell=cell, now=now)
        assert decided.allowed == cedar_alone(texts, asked, cell, now)
        assert not (decided.allowed and decided.forbidden)


def test_the_property_fails_for_an_evaluator_that_keeps_answers_too_long():
    """A control: were a time literal not part of the stretch, the answer of the first moment would stand for ever."""
    text = f"permit (principal, action, resource is Conversation) when {{ context.epoch_seconds < {EPOCH + 2} }};"
    rule = read_rule(name="p", version=1, cedar=text)
    blind = Timetable()
    assert blind.first_of(BASE) == blind.first_of(BASE + timedelta(days=3)), "what a table without literals would do"
    known = Timetable.of(rule.times)
    assert known.first_of(BASE) != known.first_of(BASE + timedelta(seconds=2))
    assert known.next_change(BASE) == BASE + timedelta(seconds=2)


def test_it_names_the_policies_that_decided():
    texts = [
        *SEED_POLICIES.items(),
        ("no-mail", 'forbid (principal, action, resource is Conversation) when { resource.collection == "mail" };'),
    ]
    ruling = Ruling(0, tuple(read_rule(name=name, version=3, cedar=cedar) for name, cedar in texts))
    asked = Asked(uuid4(), "person", frozenset({"analyst"}), "list", "support", second_factor=False)
    allowed = decide(ruling=ruling, asked=asked, cell=Cell("chats", 1, False, False), now=BASE)
    refused = decide(ruling=ruling, asked=asked, cell=Cell("mail", 1, False, False), now=BASE)
    assert (allowed.allowed, allowed.policies) == (True, ("analysts-read-redacted@3",))
    assert (refused.allowed, refused.forbidden, refused.policies) == (False, True, ("no-mail@3",))


INVALID = [
    pytest.param('permit (principal, action, resource == Conversation::"x");', "one conversation", id="names one"),
    pytest.param('permit (principal, action, resource is Conversation) when { resource == Conversation::"x" };', "one conversation", id="names one inside"),
    pytest.param('permit (principal, action, resource == Tenant::"x");', "tenant already", id="names a tenant"),
    pytest.param("permit (principal, action, resource) when { resource.held };", "held", id="attribute of one kind only"),
    pytest.param('permit (principal, action == Action::"fly", resource);', "fly", id="unknown action"),
    pytest.param("permit (principal, action, resource); permit (principal, action, resource);", "exactly one", id="two"),
    pytest.param("", "exactly one", id="none"),
    pytest.param("permit (principal == ?principal, action, resource);", "exactly one", id="template"),
    pytest.param("permit (principal, action, resource) when { context.epoch_seconds > context.weekday };", "whole numbers", id="two clocks"),
    pytest.param("permit (principal, action, resource) when { context.minute_of_day + 1 > 5 };", "whole numbers", id="calculated clock"),
    pytest.param("permit (principal, action, resource) when { [1, 2].contains(context.weekday) };", "whole numbers", id="clock in a set"),
    pytest.param('permit (principal, action, resource) when { context == {purpose: "x", second_factor: true, epoch_seconds: 1, minute_of_day: 2, weekday: 3} };', "record", id="whole context"),
    pytest.param("permit (principal, action, resource", "", id="cut off"),
    pytest.param("permit (principal, action, resource);" + " " * 20_000, "16384", id="too long"),
]  # fmt: skip


@pytest.mark.parametrize(("cedar", "says"), INVALID)
def test_it_says_why_a_policy_may_not_stand(cedar, says):
    with pytest.raises(PolicyInvalid) as refusal:
        validate(cedar)
    assert says in str(refusal.value)


def test_a_policy_may_compare_each_clock():
    validate("permit (principal, action, resource) when { context.weekday <= 5 && 540 <= context.minute_of_day };")
