"""A mail server for tests: speaks as much of SMTP (RFC 5321) as a client needs, and keeps what it was given."""

import socketserver
import threading
from contextlib import contextmanager


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        self._say("220 test")
        for line in iter(self.rfile.readline, b""):
            word = line[:4].upper()
            if word == b"DATA":
                self._say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.mails.append(b"".join(lines).decode())
            self._say("221 bye" if word == b"QUIT" else "250 ok")
            if word == b"QUIT":
                return

    def _say(self, answer):
        self.wfile.write(f"{answer}\r\n".encode())


@contextmanager
def mail_server():
    """Serve on a port of loopback; `mails` holds what came."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        server.mails = []
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()
