"""ATTACKS.md, rows O03, O05, O06 and O07: what the blind index tells to whoever searches, compares, or reads statistics."""

import os
import random
import time
from math import sqrt
from statistics import fmean, variance

import pytest
from django.db import DatabaseError, connection, connections, transaction

from governance.crypto.derivation import KeyedHash
from governance.custody.reindexing import ask_reindex
from governance.keys import data_keys
from governance.pipeline.handlers import HANDLERS
from governance.pipeline.running import run_classification
from governance.pipeline.working import work_for_all
from governance.privacy import redaction
from governance.privacy.detectors.values import normalise
from governance.privacy.rescanning import ask_rescan
from governance.privacy.searching import search
from tests.conftest import as_principal, item, make_person, make_tenant, now, store
from tests.security.test_c_ciphertext import admin, sql

ROUNDS, SEEN = 2_000 if os.environ.get("THREADVAULT_SOAK") else 600, 4.5
VALUES = 100


def look(principal, text):
    return [one.id for one in search(principal=principal, purpose="support", text=text, now=now())]


def welch(one, other):
    """Welch's t of two samples: how far their means lie apart, in standard errors."""
    return (fmean(one) - fmean(other)) / sqrt(variance(one) / len(one) + variance(other) / len(other))


def difference(principal, rounds):
    """Look for a value that stands in some tenant and for one that stands nowhere, in turn by chance; return Welch's t."""
    chance, hits, misses = random.Random(3), [], []
    for alias in ("default", "audit"):  # The time of a disk would hide what is looked for.
        connections[alias].cursor().execute("SET synchronous_commit = off")
    for _ in range(rounds):
        pair = [("kim", hits), ("lim", misses)]
        chance.shuffle(pair)
        for name, times in pair:
            began = time.perf_counter()
            look(principal, f"mail {name}000@example.com")
            times.append(time.perf_counter() - began)
    return welch(hits, misses)


@pytest.fixture
def chats(tenant):
    """A hundred chats with an address each, the first of which stands in half of them."""
    found = store(
        tenant,
        *(item(f"c-{at}", f"mail kim{at * (at % 2):03}@example.com", subject=f"u-{at}") for at in range(VALUES)),
    )
    run_classification(tenant.id)
    return [one.id for one in found]


@pytest.fixture
def analyst(tenant, people):
    return as_principal(tenant, people["analyst"])


@pytest.fixture
def stranger(tenant):
    """An analyst of another tenant, which has as many chats with other addresses."""
    other = make_tenant()
    store(other, *(item(f"c-{at}", f"mail bob{at:03}@example.com", subject=f"u-{at}") for at in range(VALUES)))
    run_classification(other.id)
    return as_principal(other, make_person(other, "analyst"))


@pytest.mark.alone
def test_o03_the_time_of_a_search_does_not_tell_whether_another_tenant_holds_the_value(chats, stranger):
    sql("ANALYZE")
    assert look(stranger, "mail kim000@example.com") == []
    assert abs(difference(stranger, ROUNDS)) < SEEN


@pytest.mark.alone
def test_o03_control_a_hit_that_nothing_hides_is_seen_by_its_time(chats, analyst):
    sql("ANALYZE")
    assert len(look(analyst, "mail kim000@example.com")) == VALUES // 2
    assert abs(difference(analyst, 400)) > SEEN


NAME = "kim@example.com"


def hashes(tenant):
    """Every keyed hash that stands for the name in a tenant: as a value, a person, a chat's id, a message's id."""
    store(tenant, {**item(NAME, f"mail {NAME}", subject=NAME), "messages": [
        {"role": "user", "content": f"mail {NAME}", "external_id": NAME}]})  # fmt: skip
    run_classification(tenant.id)
    places = {
        "value": "SELECT value_index FROM governance_indexentry WHERE tenant_id = %s",
        "person": "SELECT reference_index FROM governance_datasubject WHERE tenant_id = %s AND kind = 'person'",
        "chat": "SELECT external_index FROM governance_conversation WHERE tenant_id = %s",
        "message": "SELECT external_index FROM governance_message WHERE tenant_id = %s",
    }
    found = {place: {bytes(value)[:16] for (value,) in sql(ask, tenant.id)} for place, ask in places.items()}
    assert all(len(values) == 1 for values in found.values()), found
    return [value for values in found.values() for value in values]


def test_o05_one_name_in_two_tenants_and_four_columns_has_eight_index_values(transactional_db):
    assert len({*hashes(make_tenant()), *hashes(make_tenant())}) == 8


def test_o05_control_under_one_key_two_tenants_have_the_same_values(transactional_db, monkeypatch):
    monkeypatch.setattr(data_keys, "KeyedHash", lambda secret, label: KeyedHash(b"\x05" * 32, label))
    assert len({*hashes(make_tenant()), *hashes(make_tenant())}) == 5, "a message's id is hashed with its chat's"


def older(kind, value):
    """A normal form of before: case, width and separators count."""
    return value.strip()


SPELLINGS = ["Kim@Example.COM", "kim@example.com", "\uff4b\uff49\uff4d@example.com", "KIM@EXAMPLE.COM"]


@pytest.fixture
def old_values(tenant, monkeypatch):
    """A chat a spelling, indexed under the older normal form; the form of now is in force again."""
    with monkeypatch.context() as before:
        before.setattr(redaction, "normalise", older)
        found = store(tenant, *(item(f"c-{at}", f"mail {one} now", subject=f"u-{at}") for at, one in enumerate(SPELLINGS)))
        run_classification(tenant.id)
    return {one.id for one in found}


@pytest.mark.parametrize("way", ["rescan", "reindex"])
def test_o06_after_a_change_of_the_normal_form_a_scan_or_a_new_key_leaves_no_false_miss(tenant, people, old_values, way):
    officer = as_principal(tenant, people["security_officer"], second_factor=True)
    {"rescan": ask_rescan, "reindex": ask_reindex}[way](principal=officer, now=now())
    work_for_all(HANDLERS)
    analyst = as_principal(tenant, people["analyst"])
    for spelling in SPELLINGS:
        assert set(look(analyst, f"mail {spelling} now")) == old_values, spelling


def test_o06_control_without_it_a_search_misses_what_was_indexed_before(old_values, analyst):
    missed = {spelling: old_values - set(look(analyst, f"mail {spelling} now")) for spelling in SPELLINGS}
    assert all(missed.values()), "each spelling finds at most the one that was written in the form of now"


def test_o06_the_normal_form_is_one_for_case_width_and_separators():
    assert {normalise("EMAIL", one) for one in SPELLINGS} == {"kim@example.com"}
    assert (
        len({normalise("CARD", one) for one in ("4111 1111 1111 1111", "4111-1111-1111-1111", "\uff14111111111111111")}) == 1
    )


STATISTICS = (
    "SELECT count(*) FROM pg_stats WHERE tablename = 'governance_indexentry' AND attname = 'value_index'"
    " AND (most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL)"
)


@pytest.fixture
def counted(tenant):
    """Values of which some are common, and PostgreSQL has counted them."""
    store(tenant, *(item(f"c-{at}", f"mail kim{at % 4}@example.com", subject=f"u-{at}") for at in range(40)))
    run_classification(tenant.id)
    sql("ANALYZE governance_indexentry")


def test_o07_the_statistics_of_the_index_are_closed_to_the_application(counted):
    with connection.cursor() as cursor:
        cursor.execute(STATISTICS)
        assert cursor.fetchone() == (0,)
    for place in ("pg_statistic", "pg_statistic_ext_data"):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {place}")


def test_o07_control_where_no_row_security_holds_the_common_values_are_read(counted):
    """The view hides what row security guards; taken off, the application reads which values are common, in all tenants."""
    role = connection.settings_dict["USER"]
    with admin() as outside, outside.transaction(force_rollback=True):
        outside.execute("ALTER TABLE governance_indexentry DISABLE ROW LEVEL SECURITY")
        outside.execute(f'SET LOCAL ROLE "{role}"')
        assert outside.execute(STATISTICS).fetchone() == (1,)
