"""Sentinels: unique texts that are sent down the path, and every form in which a leak could carry them.

A plain search is a false comfort: bytea shows as hex in a dump, task bodies are base64, sessions compressed. So the
scanner proves first that it finds a planted control in each form.
"""

import base64
import gzip
import json
import re
import secrets
import zlib
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

LONGEST_STREAM: Final = 256 * 1024  # Of one compressed stream, packed; what follows is a stream in parts.
LONGEST_TEXT: Final = 4 * 1024 * 1024
_STREAM_STARTS: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")


def new_sentinel() -> str:
    """Return a text that stands nowhere else; its letters outside ASCII show what escaping does to it."""
    return f"sentinel-{secrets.token_hex(16)}-哨兵é"


def _core(value: bytes) -> bytes:
    """Return base64 without its ends, which depend on the neighbours."""
    return base64.b64encode(value)[:-4].rstrip(b"=")


def _base64_forms(value: bytes) -> list[bytes]:
    """Return base64 at the three alignments that the value can have inside a longer text."""
    return [_core(b"\x00" * shift + value)[4 if shift else 0 :] for shift in range(3)]


ENCODINGS: Final[dict[str, Callable[[str], list[bytes]]]] = {
    "raw": lambda text: [text.encode()],
    "hex": lambda text: [text.encode().hex().encode(), text.encode().hex().upper().encode()],
    "base64": lambda text: _base64_forms(text.encode()),
    "base64url": lambda text: [form.replace(b"+", b"-").replace(b"/", b"_") for form in _base64_forms(text.encode())],
    "json-escaped": lambda text: [json.dumps(text)[1:-1].encode()],
    "utf-16": lambda text: [text.encode("utf-16-le"), text.encode("utf-16-be")],
    "url-quoted": lambda text: [quote(text).encode()],
}
COMPRESSED: Final[dict[str, Callable[[bytes], bytes]]] = {"gzip": gzip.compress, "zlib": zlib.compress}


def controls(text: str) -> dict[str, bytes]:
    """Return what is planted to prove the search: the text in each encoding and compression."""
    plain = {name: b"<" + forms(text)[0] + b">" for name, forms in ENCODINGS.items()}
    plain["base64"] = base64.b64encode(b"xx" + text.encode() + b"yy")
    plain["base64url"] = base64.urlsafe_b64encode(b"x" + text.encode() + b"yy")
    return plain | {name: pack(b"<" + text.encode() + b">") for name, pack in COMPRESSED.items()}


class Search:
    """Looks for some texts in bytes, in every form."""

    def __init__(self, texts: list[str]) -> None:
        self._needles = [
            (number, name, form)
            for number, text in enumerate(texts)
            for name, forms in ENCODINGS.items()
            for form in forms(text)
        ]
        self.overlap = max(len(form) for _, _, form in self._needles)

    def find(self, data: bytes) -> set[tuple[int, str]]:
        """Return (number of the text, form) for all that stand in `data`, also inside compressed streams."""
        found = {(number, name) for number, name, form in self._needles if form in data}
        for start in (match.start() for match in _STREAM_STARTS.finditer(data)):
            inner, name = _unpack(data[start : start + LONGEST_STREAM])
            if inner:
                found |= {(number, name) for number, _, form in self._needles if form in inner}
        return found


def _unpack(data: bytes) -> tuple[bytes, str]:
    """Return what a stream at the start of `data` unpacks to, as far as it goes, and its kind."""
    gzipped = data[:2] == b"\x1f\x8b"
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16 if gzipped else zlib.MAX_WBITS)
    try:
        return stream.decompress(data, LONGEST_TEXT), "gzip" if gzipped else "zlib"
    except zlib.error:
        return b"", ""
