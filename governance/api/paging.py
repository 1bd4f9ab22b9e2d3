"""Pages of lists: `results`, and `next`, the cursor of the page after it. Every list of the API has this shape.

A cursor is opaque to clients; inside stands the id of the last row that they saw. Lists that grow without end are cut by
the query, newest first; lists of a few rows are read whole and cut here, and a row that is gone makes the cursor invalid.
"""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.errors import DomainProblem

PAGE: Final = 50
LARGEST_PAGE: Final = 500
Known = Callable[[Any], object]
_ID: Final = attrgetter("id")
PAGED: Final = frozenset({"cursor", "page_size"})
PAGING: Final = [
    OpenApiParameter("cursor", str, description="The `next` of the page before."),
    OpenApiParameter(
        "page_size", {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}, OpenApiParameter.QUERY
    ),
]


def page_shape(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """Return the shape of a page of `shape`, for the OpenAPI file."""
    name = f"{shape.__name__.removesuffix('Serializer')}Page"
    return inline_serializer(
        name, {"results": shape(many=True), "next": serializers.CharField(allow_null=True)}
    )  # fmt: skip


def page_size(request: Request) -> int:
    """Return how many rows a page shall have. Raises DomainProblem."""
    asked = request.query_params.get("page_size", str(PAGE))
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 4 and 1 <= int(asked) <= LARGEST_PAGE):  # noqa: PLR2004
        raise DomainProblem(code="cursor.invalid", text=_("page_size is a number from 1 to %d.") % LARGEST_PAGE)
    return int(asked)


def sealed_cursor(value: object) -> str:
    """Return the cursor that stands for a row's id or number."""
    return urlsafe_b64encode(str(value).encode()).decode()


def opened_cursor(given: str) -> str:
    """Return what a cursor holds; empty for none. Raises DomainProblem."""
    try:
        return b64decode(given.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise unknown_cursor() from None


def unknown_cursor() -> DomainProblem:
    """Return the answer to a cursor that is none."""
    return DomainProblem(code="cursor.invalid", text=_("The cursor is not one that this API gave."))


def cursor_of(request: Request) -> str:
    """Return what the request's cursor holds; empty without one. Raises DomainProblem."""
    return opened_cursor(request.query_params.get("cursor", ""))


def uuid_cursor(held: str) -> UUID | None:
    """Return the id that a cursor holds; None for an empty one. Raises DomainProblem."""
    try:
        return UUID(held) if held else None
    except ValueError:
        raise unknown_cursor() from None


def number_cursor(held: str) -> int | None:
    """Return the number that a cursor holds; None for an empty one. Raises DomainProblem."""
    if not held:
        return None
    if not (held.isascii() and held.isdigit() and len(held) < 18):  # noqa: PLR2004 - fits a bigint
        raise unknown_cursor()
    return int(held)


def newest(
    request: Request,
    shape: type[serializers.Serializer],
    fetch: Callable[[UUID | None, int], Sequence[Any]],
) -> Response:
    """Answer a page of a list that grows: `fetch` returns as many rows as it is asked for, from behind the id given."""
    size = page_size(request)
    rows = fetch(uuid_cursor(cursor_of(request)), size + 1)
    return answer(rows[:size], shape, more=len(rows) > size)


def whole(request: Request, shape: type[serializers.Serializer], rows: Sequence[Any], *, known_by: Known = _ID) -> Response:
    """Answer a page of rows that are all at hand, each `known_by` something of its own. Raises DomainProblem."""
    size, held = page_size(request), cursor_of(request)
    names = [str(known_by(row)) for row in rows]
    if held and held not in names:
        raise unknown_cursor()
    start = names.index(held) + 1 if held else 0
    return answer(rows[start : start + size], shape, more=len(rows) > start + size, known_by=known_by)


def answer(rows: Sequence[Any], shape: type[serializers.Serializer], *, more: bool, known_by: Known = _ID) -> Response:
    """Answer these rows as a page; with `more` its cursor stands for the last of them."""
    following = sealed_cursor(known_by(rows[-1])) if more else None
    return Response({"results": shape(rows, many=True).data, "next": following})
