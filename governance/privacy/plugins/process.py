"""The worker's side of a detector that a user brings: starts its process, asks it, ends it when it is late or wrong."""

import json
import logging
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from governance.privacy.errors import PrivacyError
from governance.privacy.plugins import serving

logger = logging.getLogger(__name__)
START_SECONDS: Final = 60.0
_LARGEST_ANSWER: Final = 64 << 20
_PROBE: Final = {"texts": ["a"], "lang": "en"}
# Nothing of the worker's environment but this: no address of a server, no secret. Libraries that fetch models stay away.
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip

Found = tuple[int, int, str]


class DetectorAway(PrivacyError):
    """The detector does not start, or no longer answers the simplest question: no text's fault."""

    code = "detector.away"


class DetectorFailed(PrivacyError):
    """The detector was late, ended or answered wrongly on these texts, and is well without them."""

    code = "detector.failed"


class _Silence(Exception):
    """No answer, or none that can be used; holds a word for the log, never text."""


class Detector:
    """One process, started when it is first asked and again after it was ended. Safe among threads, one at a time."""

    def __init__(self, *, python: str, module: str, seconds: float) -> None:
        self.module = module
        self._command = [python, "-I", str(Path(serving.__file__).resolve()), module]
        self._seconds = seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def ready(self) -> None:
        """Start the process where it does not run. Raises DetectorAway."""
        with self._lock:
            self._start()

    def ask(self, texts: Sequence[str], *, lang: str) -> list[list[Found]]:
        """Return what it finds in each text, as code points and its own name of the type.

        Raises DetectorFailed, DetectorAway; the process is ended in either case.
        """
        with self._lock:
            self._start()
            try:
                return _spans(self._exchange({"texts": list(texts), "lang": lang}, self._seconds), texts)
            except _Silence as silence:
                self._end()
                logger.warning("The detector %s was ended: %s", Path(self.module).name, silence)
            self._start()  # Raises where it is the detector, not the text.
            try:
                _spans(self._exchange(_PROBE, self._seconds), _PROBE["texts"])
            except _Silence as silence:
                self._end()
                raise DetectorAway(f"The detector answers nothing at all ({silence}).") from None
        raise DetectorFailed("The detector could not read these texts.")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._end()
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the operator's own interpreter and module
                [*self._command, str(theirs.fileno())], pass_fds=[theirs.fileno()], env=_environment(), cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise DetectorAway(f"The detector does not start: {type(error).__name__}.") from None
        finally:
            theirs.close()
        self._channel = ours
        try:
            ready = _good(self._receive(time.monotonic() + START_SECONDS))
        except _Silence as silence:
            self._end()
            raise DetectorAway(f"The detector does not start ({silence}); try it: manage.py detect --plugin.") from None
        if ready.get("network"):
            logger.warning("The kernel lets no process leave the network: the detector could send what it reads.")

    def _exchange(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        assert self._channel is not None  # noqa: S101  # nosec B101 - `_start` has made it
        until = time.monotonic() + seconds
        body = json.dumps(request).encode()
        try:
            self._channel.settimeout(seconds)
            self._channel.sendall(struct.pack(">I", len(body)) + body)
        except OSError as error:
            raise _Silence(type(error).__name__) from None
        return self._receive(until)

    def _receive(self, until: float) -> dict[str, Any]:
        (size,) = struct.unpack(">I", self._read(4, until))
        if size > _LARGEST_ANSWER:
            raise _Silence("too long an answer")
        try:
            answer = json.loads(self._read(size, until))
        except ValueError:
            raise _Silence("no JSON") from None
        if not isinstance(answer, dict):
            raise _Silence("no object")
        return answer

    def _read(self, size: int, until: float) -> bytes:
        assert self._channel is not None  # noqa: S101  # nosec B101 - as above
        parts: list[bytes] = []
        while size > 0:
            try:
                self._channel.settimeout(max(0.001, until - time.monotonic()))
                part = self._channel.recv(min(size, 1 << 20))
            except OSError as error:
                raise _Silence("late" if isinstance(error, TimeoutError) else type(error).__name__) from None
            if not part:
                raise _Silence("ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._channel = None


def _environment() -> dict[str, str]:
    home = os.environ.get("HOME")
    return {**_ENVIRONMENT, "HOME": home} if home else dict(_ENVIRONMENT)


def _good(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer that is no error. Raises _Silence with the name of the error's class."""
    if "error" in answer:
        raise _Silence(str(answer["error"])[:40])
    return answer


def _spans(answer: Mapping[str, Any], texts: Sequence[str]) -> list[list[Found]]:
    """Return a checked answer. Raises _Silence for one that cannot be used."""
    found = _good(answer).get("spans")
    if not isinstance(found, list) or len(found) != len(texts):
        raise _Silence("not one list a text")
    return [[_one(span, text) for span in spans] for spans, text in zip(found, texts, strict=True)]


def _one(span: Any, text: str) -> Found:
    match span:
        case [int(start), int(end), str(kind)] if 0 <= start < end <= len(text):
            return start, end, kind
    raise _Silence("a place that is not there")
