"""ATTACKS.md, rows L01 to L03 and L08: a canary in every way out of Python. Each row has its control."""

import base64
import copy
import json
import os
import pickle
from urllib.parse import urlsplit

import pytest
import redis
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models import F, Max
from django.db.models.functions import Cast
from django.forms import model_to_dict

from governance.crypto.envelope import OpenDataKey, Place
from governance.identity.scoping import tenant_scope
from governance.jobs import bell
from governance.vault.documents import encode
from governance.vault.models import Message
from governance.vault.sealed import Sealed
from tests.conftest import item, store

CANARY = "canary-7f3a91c2"


class Open:
    """The control: what a transparently decrypting field would hand out."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


@pytest.fixture
def row(tenant):
    store(tenant, item("c-1", CANARY, "yes", title=CANARY, subject=CANARY))
    with tenant_scope(tenant.id):
        return Message.objects.get(ordinal=0)


def ways(value):
    yield repr(value)
    yield str(value)
    yield f"{value}"
    yield f"{value!r:>40}"
    yield "%r" % (value,)
    yield format(value)


def test_l01_no_text_in_any_text_form(row):
    shown = [*ways(row.source), *ways(row), repr(row.__dict__), repr([row.source])]
    assert not [text for text in shown if CANARY in text]


def test_l01_control_a_transparent_value_shows(row):
    assert all(CANARY in text for text in ways(Open(CANARY)))


@pytest.mark.parametrize(
    "way",
    [pickle.dumps, copy.copy, copy.deepcopy, json.dumps],
    ids=["pickle", "copy", "deepcopy", "json"],
)
def test_l02_sealed_values_do_not_leave_by_serializing(row, way):
    with pytest.raises(TypeError):
        way(row.source)


def test_l02_dumps_hold_ciphertext_and_take_nothing_else_back(row):
    dumped = serializers.serialize("json", [row])
    assert CANARY not in dumped
    assert base64.b64decode(json.loads(dumped)[0]["fields"]["source"])[:4] == b"TVE1"
    assert CANARY not in repr(model_to_dict(row))
    with pytest.raises(ValidationError):
        Message._meta.get_field("source").to_python(CANARY)


def test_l02_control_a_plain_value_is_dumped_and_pickled():
    assert CANARY.encode() in pickle.dumps(CANARY)
    assert CANARY in json.dumps({"source": CANARY})


def test_l03_queries_give_sealed_values_or_errors(tenant, row):
    with tenant_scope(tenant.id):
        rows = Message.objects.all()
        found = [
            *rows.values("source"), *rows.values_list("source", flat=True), *rows.annotate(copied=F("source")).values("copied"),
            *rows.in_bulk().values(), *Message.objects.raw("SELECT * FROM governance_message"), *rows.iterator(),
        ]  # fmt: skip
        assert CANARY not in repr(found)
        assert all(isinstance(value, Sealed) for value in rows.values_list("source", flat=True))
        assert CANARY not in repr(list(rows.annotate(t=Cast("source", models.TextField())).values("t")))
        for refused in ({"source": CANARY}, {"source__icontains": CANARY}, {"source__startswith": "T"}):
            with pytest.raises(FieldError):
                rows.filter(**refused)
        with pytest.raises(TypeError):
            rows.update(source=CANARY)


def test_l03_an_aggregate_over_sealed_values_shows_nothing(tenant, row):
    from django.db import DatabaseError

    with pytest.raises((DatabaseError, TypeError, AssertionError)):
        with tenant_scope(tenant.id):
            value = Message.objects.aggregate(most=Max("source"))["most"]
            assert not isinstance(value, Sealed)


def test_l03_control_a_plain_column_answers(tenant, row):
    with tenant_scope(tenant.id):
        assert Message.objects.filter(role__startswith="us").values_list("role", flat=True)[0] == "user"


def messages_of_broker():
    client = redis.Redis.from_url(f"unix://{urlsplit(os.environ['BROKER_URL']).path}")
    bodies = [value for key in client.scan_iter() if client.type(key) == b"list" for value in client.lrange(key, 0, -1)]
    return client, bodies


def test_l08_the_doorbell_holds_a_tenant_id_and_nothing_else(tenant):
    from governance.pipeline import ringing

    client, _ = messages_of_broker()
    client.flushall()
    bell.bind(ringing.ring)
    store(tenant, item("c-1", CANARY, "yes", title=CANARY, subject=CANARY))
    _, bodies = messages_of_broker()
    assert bodies, "the bell rang"
    for raw in bodies:
        message = json.loads(raw)
        arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
        assert arguments == [str(tenant.id)]
        assert keywords == {}
        assert CANARY not in raw.decode() + base64.b64decode(message["body"]).decode()
    client.flushall()


def test_l08_control_an_argument_would_stand_there_twice(tenant):
    from governance.pipeline.tasks import classify

    client, _ = messages_of_broker()
    client.flushall()
    classify.apply_async(args=[CANARY])
    _, bodies = messages_of_broker()
    message = json.loads(bodies[0])
    assert CANARY in base64.b64decode(message["body"]).decode()
    assert CANARY in message["headers"]["argsrepr"]
    client.flushall()


def test_l08_the_worker_is_deaf_and_keeps_no_result():
    from settings.celery import app

    assert not app.conf.worker_enable_remote_control
    assert app.conf.task_ignore_result
    assert app.conf.accept_content == ["json"]


def test_keys_show_nothing():
    from uuid import uuid4

    secret = os.urandom(32)
    opened = OpenDataKey(key_id=uuid4(), secret=secret)
    assert secret.hex() not in repr(opened)
    sealed = opened.seal(encode({"content": CANARY}, ("/content",)), Place(uuid4(), uuid4(), uuid4(), "message.source", 1))
    assert CANARY.encode() not in sealed
    for way in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            way(opened)
