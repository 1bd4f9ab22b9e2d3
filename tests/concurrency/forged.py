"""Messages as people forge them who can write to the broker. Row J06."""

import base64
import json
import os
import pickle
from uuid import uuid4

from tests.concurrency.celery_processes import broker

RING = json.dumps([[], {}, {}]).encode()
_MISSING = object()


def message(body=RING, *, content_type="application/json", encoding="utf-8", task="threadvault.classify"):
    """One message as kombu's Redis transport lays it out."""
    return {
        "body": base64.b64encode(body).decode(), "content-type": content_type, "content-encoding": encoding,
        "headers": {"lang": "py", "task": task, "id": str(uuid4()), "root_id": None, "parent_id": None},
        "properties": {
            "delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "content"}, "priority": 0,
            "body_encoding": "base64", "delivery_tag": str(uuid4()), "correlation_id": str(uuid4()), "reply_to": "",
        },
    }  # fmt: skip


def push(forged):
    """Put it into the queue of the workers."""
    broker().lpush("content", json.dumps(forged) if isinstance(forged, dict) else forged)


class Bomb:
    """Unpickled, it makes a folder: code of whoever can write to the broker."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def packed(text):
    """MessagePack of [[text], {}, {}], for a text of less than 256 bytes."""
    return b"\x93\x91\xd9" + bytes([len(text)]) + text.encode() + b"\x80\x80"


def formats(folder):
    """Format -> a message in it that makes the folder of its name, if anybody reads it."""
    yaml, msgpack, large = (str(folder / name) for name in ("yaml", "msgpack", "oversized"))
    ballast = json.dumps([[large], {}, {"chain": "x" * 5_000_000}]).encode()
    return {
        "pickle": message(
            pickle.dumps(([], {}, {"boom": Bomb(folder / "pickle")})),
            content_type="application/x-python-serialize",
            encoding="binary",
        ),
        "yaml": message(f"[['{yaml}'], {{}}, {{}}]".encode(), content_type="application/x-yaml", task="test.make"),
        "msgpack": message(packed(msgpack), content_type="application/x-msgpack", encoding="binary", task="test.make"),
        "oversized": message(ballast, task="test.make"),
    }


def changed(value, *way):
    """A ring in which this stands at that place, or nothing does."""
    whole = part = message()
    for name in way[:-1]:
        part = part[name]
    if value is _MISSING:
        del part[way[-1]]
    else:
        part[way[-1]] = value
    return json.dumps(whole)


def broken_base64():
    """A ring whose body is no base64."""
    return changed(message()["body"][:-3] + "*", "body")


def malformed():
    """Name -> a message that is no ring."""
    names = {
        "nothing": "", "no json": "nonsense", "no utf-8": b"\xff\xfe", "deep": "[" * 100_000, "a list": "[]", "null": "null",
        "an object": "{}", "broken base64": broken_base64(), "deep body": json.dumps(message(b"[" * 5_000)),
        "body of no json": json.dumps(message(b"nonsense")), "long number": changed(0, "a").replace("0}", "9" * 5_000 + "}"),
        "arguments by name": json.dumps(message(b'[[], {"tenant": "x"}, {}]')),
        "a task to follow": json.dumps(message(b'[[], {}, {"callbacks": [{"task": "threadvault.sweep"}]}]')),
    }  # fmt: skip
    for way in (
        ["body"], ["headers"], ["properties"], ["headers", "task"], ["headers", "id"], ["content-type"], ["content-encoding"],
        ["properties", "delivery_tag"], ["properties", "delivery_info"], ["properties", "body_encoding"],
    ):  # fmt: skip
        for value in (_MISSING, None, 5, [], {}, ""):
            shown = "missing" if value is _MISSING else repr(value)
            names[f"{'.'.join(way)} {shown}"] = changed(value, *way)
    for header, value in (
        ("timelimit", 5), ("timelimit", [-1, "x"]), ("timelimit", [1, None]), ("expires", []), ("eta", "9999-12-31T00:00:00Z"),
        ("retries", "x"), ("compression", "zlib"), ("shadow", {"__type__": "datetime", "__value__": 5}), ("group", [1]),
    ):  # fmt: skip
        names[f"{header} {value}"] = changed(value, "headers", header)
    return names
