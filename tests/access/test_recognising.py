"""Cedar that is read back into the form says exactly what the form says; what the form cannot say is not guessed."""

from datetime import UTC, datetime, time
from itertools import product

import pytest

from governance.access.forms import PolicyForm
from governance.access.recognising import read_form
from governance.access.schema import SEED_POLICIES

BASE = {"name": "p", "roles": frozenset({"analyst"}), "actions": frozenset({"read_redacted"})}
PARTS = {
    "forbid": [False, True],
    "purposes": [frozenset(), frozenset({"support"}), frozenset({"quality", "support"})],
    "collections": [frozenset(), frozenset({'a "b" c', "bot"})],
    "lowest": ["", "public"],
    "highest": ["", "confidential"],
    "held": [None, True, False],
    "second_factor": [False, True],
}
TIMES = [
    {"not_before": datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "not_after": datetime(2026, 2, 3, 4, 5, tzinfo=UTC)},
    {"weekdays": frozenset({1})},
    {"weekdays": frozenset({1, 3, 7}), "restricted": True},
    {"from_time": time(9), "until_time": time(17, 30)},
    {"from_time": time(22), "until_time": time(6)},
    {"from_time": time(0)},
    {"roles": frozenset(), "forbid": True},
    {"actions": frozenset({"manage_keys", "manage_jobs"}), "roles": frozenset({"auditor", "security_officer"})},
]


def read_back(form):
    return read_form(name=form.name, cedar=form.write())


def test_what_the_form_writes_is_read_back_as_it_was():
    forms = [PolicyForm(**BASE, **dict(zip(PARTS, one, strict=True))) for one in product(*PARTS.values())]
    assert len(forms) > 200
    assert [form for form in forms if read_back(form) != form] == []


@pytest.mark.parametrize("fields", TIMES, ids=[" ".join(one) for one in TIMES])
def test_times_and_rarer_conditions_are_read_back(fields):
    form = PolicyForm(**{**BASE, **fields})
    assert read_back(form) == form


def test_other_words_for_the_same_are_understood():
    text = (
        'permit (principal, action == Action::"list", resource)'
        ' when { principal.roles.contains("analyst") && context.purpose == "support" };'
    )
    found = read_form(name="p", cedar=text)
    assert (found.roles, found.actions, found.purposes) == ({"analyst"}, {"list"}, {"support"})


@pytest.mark.parametrize(
    "condition",
    [
        'context.purpose != "training"',
        'principal.kind == "person"',
        'principal.roles.contains("analyst") && principal.roles.contains("auditor")',
        "context.minute_of_day >= 1320 && context.minute_of_day < 360",
        "context.weekday == 1 || context.minute_of_day >= 9",
        "resource.held || resource.restricted",
        "resource.classification > 1",
        "!context.second_factor",
        "!(resource.held && resource.restricted)",
        "context.epoch_seconds >= 1 && context.epoch_seconds >= 2",
        "if resource.held then true else false",
        'resource.collection like "bot*"',
        "resource.classification >= 7",
    ],
)
def test_what_the_form_cannot_say_is_not_guessed(condition):
    rest = "" if "roles" in condition else 'principal.roles.contains("analyst") && '
    text = f'permit (principal, action == Action::"read_redacted", resource) when {{ {rest}({condition}) }};'
    assert read_form(name="p", cedar=text) is None


@pytest.mark.parametrize(
    "text",
    [
        "no Cedar",
        'permit (principal, action == Action::"list", resource is Conversation) when { principal.roles.contains("analyst") };',
        'permit (principal, action == Action::"list", resource) unless { context.second_factor };',
        'permit (principal, action == Action::"list", resource);',
        "forbid (principal, action, resource is Conversation);",
    ],
)
def test_other_scopes_and_clauses_are_not_guessed(text):
    assert read_form(name="p", cedar=text) is None


def test_most_of_the_seeded_policies_can_be_said_by_the_form():
    said = {name for name, text in SEED_POLICIES.items() if read_form(name=name, cedar=text)}
    assert set(SEED_POLICIES) - said == {"people-do-not-classify", "privacy-officers-read-source", "workers-classify"}
