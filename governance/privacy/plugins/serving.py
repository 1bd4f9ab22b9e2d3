"""The process of a detector that a user brings. The standard library only: it runs on an interpreter of the user's own.

    python -I serving.py MODULE.py DESCRIPTOR

MODULE.py has `detect(texts, lang)`: a list of texts and `en` or `zh` in, for each text a list of `(start, end, type)` out,
in code points. It sees no secret of the environment, writes nothing to the log, and has no network where the kernel lets
this process leave it. A message is a length (4 bytes, big-endian) and JSON.
"""

import ctypes
import importlib.util
import json
import os
import resource
import socket
import struct
import sys
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def main() -> None:
    """Serve until the other side is gone."""
    channel = socket.socket(fileno=int(sys.argv[2]))
    free_memory()
    alone = leave_network()
    quiet()
    try:
        detect = load(sys.argv[1])
    except BaseException as error:  # noqa: BLE001 - whatever a module does at its import is told by name
        send(channel, {"error": type(error).__name__})
        return
    send(channel, {"network": not alone})
    while (request := receive(channel)) is not None:
        try:
            found = detect(request["texts"], request["lang"])
            answer: dict[str, Any] = {"spans": [[[int(at), int(to), str(kind)] for at, to, kind in one] for one in found]}
        except Exception as error:  # noqa: BLE001 - its text may hold what was given
            answer = {"error": type(error).__name__}
        send(channel, answer)


def free_memory() -> None:
    """Take back the limit that the worker has for itself: a model is larger."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))


def leave_network() -> bool:
    """Leave the network for an empty one (namespaces(7)); return whether the kernel let this process."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        return any(library.unshare(flags) == 0 for flags in (_NEW_NETWORK, _NEW_USER | _NEW_NETWORK))
    except (OSError, AttributeError):
        return False  # No Linux.


def quiet() -> None:
    """Send what the module prints to nowhere: it may be text."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def load(path: str) -> Any:
    """Return `detect` of the module at `path`."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120 - fewer imports, faster start
    spec = importlib.util.spec_from_file_location("threadvault_detector", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.detect


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    """Send one message."""
    body = json.dumps(message).encode()
    channel.sendall(struct.pack(">I", len(body)) + body)


def receive(channel: socket.socket) -> Any:
    """Return one message, or None at the end."""
    head = _read(channel, 4)
    return None if head is None else json.loads(_read(channel, struct.unpack(">I", head)[0]) or b"null")


def _read(channel: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size > 0:
        part = channel.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
