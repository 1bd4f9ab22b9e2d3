"""Answers of one JSON document a line (application/x-ndjson), written as they are made."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import StreamingHttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

NDJSON: Final = "application/x-ndjson"


class LinesRenderer(JSONRenderer):
    """Lets a client ask for lines; what is refused before the first line is one JSON document as everywhere."""

    media_type = NDJSON
    format = "ndjson"


def lines(documents: Iterable[Any]) -> StreamingHttpResponse:
    """Return the documents as an answer. It is closed in the request's own context, also where the reader has gone."""
    return StreamingHttpResponse(_Lines(documents), content_type=NDJSON)


class _Lines:
    """An iterator that passes its closing on to what it iterates over."""

    def __init__(self, documents: Iterable[Any]) -> None:
        self._documents = documents
        self._steps = iter(documents)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = json.dumps(next(self._steps), cls=JSONEncoder, ensure_ascii=False, separators=(",", ":"))
        return line.encode() + b"\n"

    def close(self) -> None:
        close = getattr(self._documents, "close", None)
        if close is not None:
            close()
