"""JSON bodies of the API, read as strictly as chats are: no bombs, no NaN, no name twice, UTF-8 only, a limit of size."""

from typing import IO, Any, Final

from rest_framework.parsers import BaseParser

from governance.ingest.formats.json_values import check_text, loads

LARGEST_BODY: Final = 8 * 1024 * 1024


class BodyRefused(Exception):
    """The body is larger than any that this address takes."""

    code = "body.too_large"


class StrictJSONParser(BaseParser):
    """Parses `application/json`; what it refuses, the handler of exceptions answers with its code, never with the text."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the value. Raises FormatError, BodyRefused."""
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise BodyRefused(f"A body has at most {LARGEST_BODY} bytes.")
        value = loads(body) if body.strip() else {}
        check_text(value)
        return value
