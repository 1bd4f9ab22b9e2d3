"""Sinks: a file that only grows, a receiver over HTTP, and what each does when it cannot."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from governance.audit.errors import SinkFailed, SinkRefused
from governance.audit.models import SinkPosition
from governance.audit.sinks import sink_of
from governance.custody.attesting import attest, deliver
from governance.identity.scoping import tenant_scope
from tests.conftest import now
from tests.security.chains import heads, report, signed, sql, write


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.paths.append(self.path)
        self.send_response(self.server.answers.pop(0) if self.server.answers else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def receiver():
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.bodies, server.paths, server.answers = [], [], []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "uri",
    ["ftp://host/x", "http://example.com/x", "https://user:pw@host/x", "file://host/x", "file:relative", "https:///x", "/x"],
)
def test_what_is_no_sink_is_refused_without_its_text(uri, tmp_path):
    with pytest.raises(SinkRefused) as refusal:
        sink_of(uri, home=tmp_path)
    assert uri not in str(refusal.value)


def test_a_file_gets_one_json_line_a_checkpoint_and_goes_on_behind_a_torn_one(tenant, tmp_path, monkeypatch):
    path = tmp_path / "sink.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"file:{path}")
    signed(tenant)
    with path.open("ab") as file:
        file.write(b'{"tenant":"half a li')
    write(tenant)
    signed(tenant)
    assert len(heads(tenant, path)) == 2
    assert report(tenant, path).whole
    assert json.loads(path.read_bytes().splitlines()[0])["tenant"] == str(tenant.id)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_sink_in_the_state_folder_is_self_attested_also_through_a_link(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    for place, outside in (("home/x", False), ("link/x", False), ("home/../x", True), ("x", True)):
        assert sink_of(f"file:{tmp_path}/{place}", home=tmp_path / "home").outside == outside


def test_what_was_not_taken_is_sent_again_in_order_and_only_that(tenant, receiver, monkeypatch):
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"http://127.0.0.1:{receiver.server_port}/in?x=1")
    receiver.answers = [500]
    signed(tenant)
    write(tenant)
    signed(tenant)
    assert attest(tenants=[tenant.id], now=now()) == 0
    sequences = [json.loads(body)["sequence"] for body in receiver.bodies]
    assert sequences == [sequences[0], sequences[0], sequences[2]]
    assert sequences[2] > sequences[0]
    assert set(receiver.paths) == {"/in?x=1"}
    with tenant_scope(tenant.id):
        assert SinkPosition.objects.get().sequence == sequences[2]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 503])
def test_a_redirect_is_a_failure_and_never_followed(tenant, receiver, monkeypatch, status):
    signed(tenant)
    receiver.answers = [status]
    with tenant_scope(tenant.id):
        assert not SinkPosition.objects.exists()
    with pytest.raises(SinkFailed, match=str(status)):
        deliver(tenant=tenant.id, sink=sink_of(f"http://127.0.0.1:{receiver.server_port}/in", home=None), now=now())
    assert receiver.paths == ["/in"]


def test_a_dead_receiver_stops_neither_signing_nor_the_other_sink(tenant, tmp_path, monkeypatch):
    path = tmp_path / "sink.jsonl"
    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", f"http://127.0.0.1:1/in file:{path}")
    assert signed(tenant) == 1
    assert len(heads(tenant, path)) == 1


def test_no_call_goes_out_inside_a_transaction(tenant, monkeypatch):
    from django.db import connections

    class Watching:
        uri, kind, outside = "file:/watching", "file", True

        def deliver(self, found):
            assert not connections["default"].in_atomic_block
            self.took = len(found)

    signed(tenant)
    sink = Watching()
    assert deliver(tenant=tenant.id, sink=sink, now=now()) == sink.took == 1


def test_checkpoints_are_at_most_a_thousand_entries_apart(tenant, monkeypatch):
    from governance.audit import marking

    told = []
    marking.bind(told.append)
    write(tenant, 2_150)
    assert told == [tenant.id] * 2
    assert signed(tenant) == 3
    found = [row[0] for row in sql("SELECT sequence FROM governance_checkpoint WHERE tenant_id = %s ORDER BY 1", tenant.id)]
    assert found[:2] == [1_000, 2_000]
    assert max(b - a for a, b in zip([0, *found], found, strict=False)) <= 1_000
    assert report(tenant).whole


def test_a_wrong_sink_is_said_by_signing_and_stops_neither_a_page_nor_an_erasure(tenant, monkeypatch):
    from governance.audit.attesting import attestation, heads_outside

    monkeypatch.setenv("THREADVAULT_AUDIT_SINKS", "ftp://wrong/place")
    with pytest.raises(SinkRefused, match="Audit sink 1"):
        signed(tenant)
    with tenant_scope(tenant.id):
        assert attestation(tenant=tenant.id) == "self-attested"
    assert heads_outside(tenant=tenant.id) == ([], 0)
