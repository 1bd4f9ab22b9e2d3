"""What `/healthz` and the metrics tell an operator, and that logs for collectors hold known fields only."""

import json
import logging

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from governance.keys import providers
from governance.keys.errors import ProviderFailed
from governance.keys.providers.local import LocalProvider
from governance.pipeline.running import run_classification
from governance.pipeline.tasks import sweep
from governance.web.logs import JsonLines, NoExceptionText
from tests.conftest import item, store
from tests.security.test_c_ciphertext import sql


@pytest.fixture(autouse=True)
def no_heartbeat():
    cache.delete("heartbeat")
    yield
    cache.delete("heartbeat")


def health():
    answer = Client().get("/healthz")
    return answer.status_code, answer.json()


def test_without_a_worker_it_is_degraded_and_with_one_ready(tenant):
    assert health() == (200, {
        "status": "degraded", "database": "ok", "broker": "ok", "root_key": "ok", "audit": "ok", "worker": "none",
    })  # fmt: skip
    sweep()
    assert health()[1]["status"] == "ready"
    cache.set("heartbeat", 1.0)
    assert (health()[1]["status"], health()[1]["worker"]) == ("degraded", "late")


def test_a_root_key_that_is_away_is_not_ready(transactional_db, monkeypatch):
    def away(self):
        raise ProviderFailed("away")

    providers.forget_providers()
    assert health()[1]["root_key"] == "ok"
    monkeypatch.setattr(LocalProvider, "health", away)
    providers.forget_providers()
    status, told = health()
    providers.forget_providers()
    assert (status, told["status"], told["root_key"]) == (503, "not ready", "down")


def test_a_record_that_cannot_be_written_is_not_ready(tenant):
    from django.db import connections

    with connections["audit"].cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        assert health()[1]["audit"] == "down"
    finally:
        with connections["audit"].cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
    assert health()[1]["audit"] == "ok"


def metrics(capsys):
    call_command("metrics", once=True)
    lines = capsys.readouterr().out.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_the_metrics_tell_backlog_age_quarantine_jobs_and_heartbeat_a_tenant(tenant, capsys):
    store(tenant, item("c-1", "a", "b"))
    sql("UPDATE governance_message SET state = 3 WHERE ordinal = 1")
    sweep()
    told, label = metrics(capsys), f'{{tenant="{tenant.id}"}}'
    assert told[f"threadvault_backlog_messages{label}"] == "1.0"
    assert float(told[f"threadvault_backlog_age_seconds{label}"]) >= 0
    assert told[f"threadvault_quarantined_messages{label}"] == "1.0"
    assert float(told["threadvault_heartbeat_age_seconds"]) < 30
    assert told["threadvault_lock_waits"] == "0.0"
    run_classification(tenant.id)
    assert metrics(capsys)[f"threadvault_backlog_messages{label}"] == "0.0"


def test_workers_count_what_they_did(tenant):
    from governance.pipeline.measuring import BATCH_SECONDS, KEYS, RECORDS

    before = RECORDS.labels("redacted")._value.get()
    store(tenant, item("c-1", "a", "b"))
    run_classification(tenant.id)
    assert RECORDS.labels("redacted")._value.get() == before + 3
    assert BATCH_SECONDS._sum.get() > 0
    assert KEYS.labels("hit")._value.get() > 0


def test_no_label_or_line_of_the_metrics_holds_text(tenant, capsys):
    store(tenant, item("c-1", "sentinel-7319", title="sentinel-7319"))
    call_command("metrics", once=True)
    assert "sentinel" not in capsys.readouterr().out


def logged(*arguments, **extra):
    record = logging.getLogger("governance.test").makeRecord(
        "governance.test", logging.WARNING, "f", 1, *arguments, extra.pop("exc_info", None), extra=extra
    )
    NoExceptionText().filter(record)
    return JsonLines().format(record)


def test_a_json_line_has_known_fields_only():
    line = logged("%s rests for %d s", ("t-1", 5), tenant="t-1", body="my card is 4111", request="x", seconds=5)
    assert "\n" not in line
    told = json.loads(line)
    assert told.keys() == {"timestamp", "level", "logger", "event", "tenant", "seconds"}
    assert told["event"] == "t-1 rests for 5 s"
    assert "4111" not in line


def test_a_json_line_of_an_exception_has_its_type_and_places_and_not_its_text():
    with pytest.raises(ValueError, match="4111") as raised:
        int("my card is 4111")
    line = logged("it failed", (), exc_info=(raised.type, raised.value, raised.tb))
    assert "ValueError" in json.loads(line)["event"], line
    assert "4111" not in line
