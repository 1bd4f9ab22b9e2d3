"""ATTACKS.md, row L07: an error tracker learns types and places; captured at a real server that the process reports to."""

import gzip
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from tests.processes import environment


@pytest.fixture
def tracker():
    """A server that takes envelopes as Sentry does; yields its DSN and what came."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://public@127.0.0.1:{server.server_port}/1", came
    server.shutdown()
    server.server_close()


def report(mode, sentinel, **variables):
    command = [sys.executable, "-m", "tests.security.reporter", mode, sentinel]
    done = subprocess.run(command, check=False, env=environment(**variables), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def events(came):
    """The events in the envelopes: JSON lines that are neither envelope headers nor item headers."""
    lines = [json.loads(line) for body in came for line in body.splitlines() if line.startswith(b"{")]
    return [line for line in lines if "exception" in line or "message" in line]


def test_l07_a_report_holds_types_codes_and_places_and_no_text(transactional_db, tracker):
    dsn, came = tracker
    sentinel = f"sentinel{uuid4().hex}"
    report("ours", sentinel, THREADVAULT_SENTRY_DSN=dsn)
    assert sentinel not in b"".join(came).decode()
    found = events(came)
    chains = [[value["type"] for value in one["exception"]["values"]] for one in found]
    assert ["Spoiled", "ValueError"] in chains, "the page's error with its cause"
    assert ["Spoiled"] in chains, "the task's error"
    assert [] in chains, "a message, without its text"
    values = {value["value"] for one in found for value in one["exception"]["values"]}
    assert values <= {"(withheld)", "access.policy"}
    frames = [frame for one in found for value in one["exception"]["values"] for frame in value["stacktrace"]["frames"]]
    assert any(frame["function"] == "spoil" and frame["lineno"] > 0 for frame in frames)
    assert {name for frame in frames for name in frame} <= {"filename", "module", "function", "lineno", "in_app"}


def test_l07_control_the_library_as_documented_sends_the_text(transactional_db, tracker):
    dsn, came = tracker
    sentinel = f"sentinel{uuid4().hex}"
    report("plain", sentinel, PLAIN_DSN=dsn)
    places = [name for one in events(came) for name, part in one.items() if sentinel in json.dumps(part)]
    assert {"exception", "breadcrumbs", "request"} <= set(places)
