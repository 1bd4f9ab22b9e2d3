"""A sentinel goes down the whole walk; the scanner finds every planted control, and the sentinel nowhere."""

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connections
from rest_framework.test import APIClient

from governance.assess.scanning import scan
from governance.assess.sentinels import new_sentinel
from governance.assess.sinks import Broker, Database, Files, Sessions
from governance.identity.models import User
from governance.identity.tokens import mint
from governance.pipeline.running import run_classification
from governance.runtime.postgres import ADMIN, find_binaries
from governance.vault.reading import read_conversation
from tests.conftest import as_principal, item, now, totp


def sinks():
    database = connections["default"].settings_dict
    server = {"host": database["HOST"], "user": ADMIN, "dbname": database["NAME"], "port": database["PORT"] or 5432}
    broker = urlsplit(os.environ["BROKER_URL"]).path
    logs = Path(settings.DATABASES["default"]["HOST"]).parent.parent / "logs"
    assert dict(parse_qsl(urlsplit(os.environ["DATABASE_URL"]).query))["host"] == database["HOST"]
    return [
        Database("data files", server, folder="base"),
        Database("write-ahead log", server, folder="pg_wal"),
        Database("dump", server, pg_dump=str(find_binaries() / "pg_dump")),
        Broker("broker", f"unix://{broker}"),
        Files("logs", logs),
        Sessions(),
    ]


def test_a_sentinel_is_found_in_every_control_and_nowhere_else(tenant, people, client):
    from governance.jobs import bell
    from governance.pipeline import ringing

    sentinels = [new_sentinel() for _ in range(3)]
    bell.bind(ringing.ring)
    producer = User.objects.get(memberships__tenant=tenant, memberships__role="producer")
    token = mint(tenant=tenant, user=producer, name="t", now=now(), life=timedelta(hours=1)).plain
    body = {
        "items": [
            item("s-1", f"{sentinels[0]} mail me at kim@example.com", "fine", title=sentinels[1], subject=sentinels[2])
        ]
    }
    answer = APIClient().post("/api/v1/conversations:batch", body, format="json", HTTP_AUTHORIZATION=f"Bearer {token}")
    conversation = answer.json()["results"][0]["id"]
    run_classification(tenant.id)
    officer = people["privacy_officer"]
    client.force_login(officer)
    opened = read_conversation(
        principal=as_principal(tenant, officer, second_factor=True),
        conversation_id=UUID(conversation),
        purpose="support",
        view="source",
        reason="the customer asked",
        now=now(),
    )
    assert opened.messages[0].document.item["content"].startswith(sentinels[0])
    assert totp(officer.totp_secret)

    report = scan(sentinels=sentinels, sinks=sinks())

    assert report.blind == []
    assert report.controls == 6 * 9
    assert report.leaks == []


def test_control_a_leaked_sentinel_is_reported(tenant):
    sentinel = new_sentinel()
    database = connections["default"].settings_dict
    server = {"host": database["HOST"], "user": ADMIN, "dbname": database["NAME"], "port": database["PORT"] or 5432}
    with psycopg.connect(**server, autocommit=True) as connection:
        connection.execute("CREATE TABLE leaked (body text)")
        connection.execute("INSERT INTO leaked VALUES (%s)", [sentinel])
        try:
            dump = Database("dump", server, pg_dump=str(find_binaries() / "pg_dump"))
            report = scan(sentinels=[sentinel], sinks=[Database("data files", server, folder="base"), dump])
        finally:
            connection.execute("DROP TABLE leaked")
    assert report.leaks == ["data files: sentinel 0 as raw", "dump: sentinel 0 as raw"]
