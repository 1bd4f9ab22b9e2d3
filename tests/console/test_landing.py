"""The landing page: what waits for whom, charts with their tables, and no figure about fewer than five people."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.access import seconding
from governance.console.charts import fewer
from governance.custody.counting import keep_counts
from governance.identity.scoping import tenant_scope
from governance.pipeline.running import run_classification
from governance.privacy import disclosing
from governance.vault.models import Message, State
from tests.conftest import as_principal, item, make_person, now, store
from tests.console.browsing import signed_in, text_of

MAIL = "Mail me at kim{0}@example.com"
PHONE = "Call +1 415 555 2671."
CHARTS = {
    "analyst": {"findings"},
    "privacy_officer": {"days", "states", "findings", "openings"},
    "security_officer": {"days", "states", "refusals"},
    "auditor": {"days", "states", "openings", "refusals"},
}


def people_write(tenant, count, text=MAIL, start=0, prefix="w"):
    """Store and scan a conversation of each of so many people."""
    numbers = range(start, start + count)
    store(tenant, *(item(f"{prefix}-{at}", text.format(at), "Done.", subject=f"s-{at}") for at in numbers))
    run_classification(tenant.id)


def charts_of(user):
    return {one.name: dict(one.rows) for one in signed_in(user).get("/").context["charts"]}


def cards_of(user):
    return {card.text: card.number for card in signed_in(user).get("/").context["cards"]}


@pytest.mark.parametrize("role", CHARTS)
def test_each_role_has_charts_with_their_tables(role, tenant, people):
    people_write(tenant, 6)
    signed_in(people["analyst"]).get("/audit")
    keep_counts(tenant=tenant.id, now=now())
    page = signed_in(people[role]).get("/")
    charts = {one.name: one for one in page.context["charts"]}
    assert charts.keys() == CHARTS[role]
    html = page.content.decode()
    assert (
        html.count('role="img" aria-label=')
        == html.count("<details><summary>")
        == sum(bool(one.rows) for one in charts.values())
    )
    assert all(figure in text_of(page) for one in charts.values() for _, figure in one.rows)


def test_a_chart_is_drawn_only_where_a_figure_is_shown(tenant, people):
    people_write(tenant, 4)
    keep_counts(tenant=tenant.id, now=now())
    hidden = signed_in(people["privacy_officer"]).get("/")
    assert 'role="img"' not in hidden.content.decode()
    assert "Nothing to show yet." in text_of(hidden)
    assert fewer() in text_of(hidden)
    people_write(tenant, 6, start=4)
    keep_counts(tenant=tenant.id, now=now())
    keep_counts(tenant=tenant.id, now=now())
    shown = signed_in(people["privacy_officer"]).get("/")
    days = next(one for one in shown.context["charts"] if one.name == "days")
    assert 'role="img"' in shown.content.decode()
    assert json.loads(days.data)["labels"] == [day[5:] for day, _figure in days.rows]


def test_several_roles_see_the_sum(tenant, people):
    from governance.identity.members import add_member
    from tests.conftest import OPERATOR

    add_member(tenant=tenant, user=people["analyst"], role="security_officer", actor=OPERATOR)
    assert charts_of(people["analyst"]).keys() == CHARTS["analyst"] | CHARTS["security_officer"]


def test_figures_are_those_of_the_record(tenant, people):
    people_write(tenant, 6)
    keep_counts(tenant=tenant.id, now=now())
    keep_counts(tenant=tenant.id, now=now())
    charts = charts_of(people["auditor"])
    assert list(charts["days"].values())[-1] == "12"
    assert charts["states"] == {"Scanned and redacted": "12"}
    assert charts_of(people["privacy_officer"])["findings"] == {"EMAIL": "6"}


def test_what_waits_is_a_card_that_leads_to_its_page(tenant, people):
    assert "Nothing waits for you." in text_of(signed_in(people["analyst"]).get("/"))
    store(tenant, item("waits"))
    officer = people["security_officer"]
    assert cards_of(officer)["messages wait for workers, the oldest for less than a minute"] == "2"
    run_classification(tenant.id)
    with tenant_scope(tenant.id):
        Message.objects.update(state=State.QUARANTINED, attempt=3)
    assert cards_of(officer)["messages were set aside"] == "2"
    asker = as_principal(tenant, people["privacy_officer"], second_factor=True)
    seconding.ask(principal=asker, act="erase", subject=asker.user_id, reason="r", now=now())
    assert cards_of(officer)["approval waits for you"] == "1"
    assert "approval waits for you" not in cards_of(people["privacy_officer"])
    assert cards_of(people["auditor"])["was the record verified"] == "never"
    signed_in(people["auditor"]).post("/audit/verify")
    assert "was the record verified" not in cards_of(people["auditor"])
    assert all(
        signed_in(people[role]).get(card.page).status_code == 200
        for role in CHARTS
        for card in signed_in(people[role]).get("/").context["cards"]
    )


def test_refusals_of_the_day_are_counted(tenant, people):
    signed_in(people["analyst"]).get("/audit")
    keep_counts(tenant=tenant.id, now=now())
    assert cards_of(people["auditor"])["refusal in the last 24 hours"] == "1"
    assert charts_of(people["auditor"])["refusals"] == {"policy.denied": "1"}


def test_queries_do_not_grow_with_rows(tenant, people):
    def queries(role):
        client = signed_in(people[role])
        client.get("/")
        with CaptureQueriesContext(connection) as caught:
            client.get("/")
        return len(caught)

    people_write(tenant, 2)
    keep_counts(tenant=tenant.id, now=now())
    before = {role: queries(role) for role in CHARTS}
    people_write(tenant, 6, start=2)
    keep_counts(tenant=tenant.id, now=now())
    assert {role: queries(role) for role in CHARTS} == before


# Row O09 of ATTACKS.md.
def test_o09_a_figure_about_fewer_than_five_people_is_not_shown(tenant, people):
    people_write(tenant, 4)
    keep_counts(tenant=tenant.id, now=now())
    charts = charts_of(people["privacy_officer"])
    assert charts["findings"] == {"EMAIL": fewer()}
    assert list(charts["days"].values())[-1] == fewer()
    assert charts["states"] == {"Scanned and redacted": fewer()}
    people_write(tenant, 1, start=4)
    assert charts_of(people["privacy_officer"])["findings"] == {"EMAIL": "5"}


def test_o09_control_without_the_guard_one_persons_figure_stands_there(tenant, people, monkeypatch):
    people_write(tenant, 6)
    people_write(tenant, 1, text=PHONE, start=99)
    assert charts_of(people["privacy_officer"])["findings"]["PHONE"] == fewer()
    monkeypatch.setattr(disclosing, "FEWEST", 0)
    assert charts_of(people["privacy_officer"])["findings"]["PHONE"] == "1"


def test_o09_many_conversations_of_one_person_are_one_person(tenant, people):
    store(tenant, *(item(f"c-{at}", MAIL.format(at), subject="the-same") for at in range(9)))
    run_classification(tenant.id)
    assert charts_of(people["privacy_officer"])["findings"] == {"EMAIL": fewer()}


def test_o09_openings_of_fewer_than_five_peoples_chats_are_not_shown_but_to_auditors(tenant, people):
    people_write(tenant, 4)
    client = signed_in(people["analyst"])
    for line in client.get("/conversations").context["lines"]:
        client.get(f"/conversations/{line['listed'].id}")
    keep_counts(tenant=tenant.id, now=now())
    assert charts_of(people["privacy_officer"])["openings"] == {"support": fewer()}
    assert charts_of(people["auditor"])["openings"] == {"support": "5"}


def test_nobody_new_sees_an_empty_vault_as_broken(tenant):
    page = signed_in(make_person(tenant, "analyst")).get("/")
    assert "No conversation has arrived yet" in text_of(page)
