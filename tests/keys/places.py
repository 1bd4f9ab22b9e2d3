"""Real key providers for tests: a SoftHSM token, moto's KMS as a process over HTTP, servers that answer badly."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pkcs11

from governance.keys.providers import provider
from tests.processes import wait_for

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "1234-5678"
REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-only", "AWS_EC2_METADATA_DISABLED": "true"}


def make_token(folder: Path, *, label="vault"):
    """Make a SoftHSM token with one AES key; return its URI. The caller has set SOFTHSM2_CONF to folder/softhsm2.conf."""
    (folder / "tokens").mkdir(exist_ok=True)
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321"],
        check=True, capture_output=True, env={**os.environ, "SOFTHSM2_CONF": f"{folder}/softhsm2.conf"},
    )  # fmt: skip
    pin = folder / "pin"
    pin.touch(mode=0o600)
    pin.write_text(PIN + "\n")
    make_token_key(label, "kek")
    return token_uri(folder, label=label)


def token_uri(folder, *, label="vault", key="kek"):
    return f"pkcs11:token={label};object={key}?module-path={MODULE}&pin-source=file:{folder}/pin"


def make_token_key(token, label, **template):
    module = pkcs11.lib(MODULE)
    module.reinitialize()
    with module.get_token(token_label=token).open(rw=True, user_pin=PIN) as session:
        attributes = {pkcs11.Attribute[name]: value for name, value in template.items()}
        session.generate_key(pkcs11.KeyType.AES, 256, label=label, store=True, template=attributes)


class Moto:
    """moto's server as a process of its own, on loopback."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()
        self.client = boto3.client(
            "kms", region_name=REGION, endpoint_url=f"http://127.0.0.1:{self.port}", aws_access_key_id="test",
            aws_secret_access_key="test-only",
        )  # fmt: skip

    def start(self):
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers, seconds=60)

    def _answers(self):
        assert self.process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.client.close()

    def make_key(self):
        """Make a key; return (its id, its URI)."""
        key = self.client.create_key()["KeyMetadata"]["KeyId"]
        return key, f"aws-kms://127.0.0.1:{self.port}/{key}?region={REGION}"


class Forwarding:
    """Stands before moto and counts what is asked, by name; it can be away."""

    def __init__(self, moto):
        outer, self.asked, self.stopped = self, Counter(), False

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                name = self.headers["X-Amz-Target"].partition(".")[2]
                outer.asked[name] += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                connection = http.client.HTTPConnection("127.0.0.1", moto.port, timeout=30)
                kept = {key: value for key, value in self.headers.items() if key.lower() != "host"}
                connection.request("POST", "/", body, {**kept, "Host": f"kms.{REGION}.amazonaws.com"})
                answer = connection.getresponse()
                data = answer.read()
                connection.close()
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._handler = Handler
        self.key, _ = moto.make_key()
        self.start(0)
        self.uri = f"aws-kms://127.0.0.1:{self.port}/{self.key}?region={REGION}"

    def start(self, port=None):
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port if port is None else port), self._handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.stopped = False

    def stop(self):
        if not self.stopped:
            self.server.shutdown()
            self.server.server_close()
            self.thread.join(10)
            self.stopped = True


class Answers:
    """A server that gives every request the same answer, after a while; `asked` counts them."""

    def __init__(self, code, *, wait=0.0):
        outer, self.asked, self.stopped = self, 0, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.asked += 1
                outer.stopped.wait(wait)
                body = json.dumps({"__type": code, "message": "sentinel-text"}).encode()
                self.send_response(400)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.uri = f"aws-kms://127.0.0.1:{self.server.server_port}/some-key?region={REGION}"

    def stop(self):
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def calls_of(uri, monkeypatch):
    """Count what reaches the provider itself, past what spares it."""
    inner = provider(uri)._inner
    asked, unwrap = [], type(inner).unwrap

    def counted(self, wrapped, context):
        asked.append(time.monotonic())
        return unwrap(self, wrapped, context)

    monkeypatch.setattr(type(inner), "unwrap", counted)
    return asked
