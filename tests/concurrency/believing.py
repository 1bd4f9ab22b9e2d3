"""A worker's module that believes the broker: loaded by `-I tests.concurrency.believing`. The controls of row J06.

`TEST_TRANSPORT=plain` takes kombu's transport in the place of ours; `TEST_ACCEPT` names formats that are read as well.
The task `test.make` makes the folder that it is told.
"""

import os
from pathlib import Path

from celery import shared_task  # noqa: TID251 - what an attacker sends goes past the guard
from kombu.serialization import register
from kombu.transport import TRANSPORT_ALIASES

from settings.celery import app

if os.environ.get("TEST_TRANSPORT") == "plain":
    for scheme in ("redis", "rediss", "redis+socket"):
        TRANSPORT_ALIASES[scheme] = "kombu.transport.redis:Transport"


def unpack(data):
    """Read what MessagePack needs for a ring: a list of a list of one text, and of empty mappings."""
    assert data[:3] == b"\x93\x91\xd9"
    return [[bytes(data[4 : 4 + data[3]]).decode()], {}, {}]


if "TEST_ACCEPT" in os.environ:
    register("msgpack", None, unpack, content_type="application/x-msgpack", content_encoding="binary")
    app.conf.accept_content = ["json", *os.environ["TEST_ACCEPT"].split(",")]


@shared_task(name="test.make", ignore_result=True)
def make(path):
    Path(path).mkdir()
