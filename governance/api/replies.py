"""Requests that act are carried out once a key: the door of `Idempotency-Key`, around every `post` that acts.

An answer is kept without its text. A member that is an id, a number, a time or a code is kept as it was; one that the
request itself held is found there again, for a repeated request has the same body; any other is looked up where the
resource stands, under the rights of now. So a replay shows nothing that the asker may not see any more, a secret that was
shown once is not shown twice, and the table of receipts holds no text.
"""

import re
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api.errors import DomainProblem, domain_code
from governance.api.requests import current_time, principal_of
from governance.ingest import receipts
from governance.ingest.formats.json_values import canonical
from governance.web.statuses import status_of

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
SECRETS: Final = frozenset({"token", "link"})
CODES: Final = frozenset({"state", "use", "topic", "kind", "type", "tier", "rule", "said_by", "act", "code"})
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)")
Post = Callable[..., Response]


def once(post: Post) -> Post:
    """Return `post` so that it is carried out once for a key; without the header it is as it was."""

    @wraps(post)
    def guarded(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        header = request.headers.get(HEADER)
        if header is None:
            return post(view, request, *args, **kwargs)
        taken = receipts.claim(
            principal=principal_of(request), key=receipts.read_key(header), request=_asked(request), now=current_time()
        )
        if taken.status is not None:
            return _again(request, taken)
        try:
            response = post(view, request, *args, **kwargs)
        finally:
            if _nothing_was_done(sys.exception()):
                receipts.release(taken)
        receipts.keep(taken, status=response.status_code, reply=_kept(request, response))
        return response

    guarded.once = True  # type: ignore[attr-defined]
    return guarded


def _asked(request: Request) -> bytes:
    """Return what makes the request: method, path and body, whatever the order of its members."""
    return b"\0".join((str(request.method).encode(), request.path.encode(), canonical(request.data)))


def _nothing_was_done(error: BaseException | None) -> bool:
    """Whether the error is a refusal: an act is one transaction, and what refuses it has rolled it back.

    After any other error nobody knows, and the key stays taken.
    """
    if isinstance(error, APIException):
        status = error.status_code
    elif isinstance(error, Exception) and (code := domain_code(error)):
        status = status_of(code)
    else:
        return False
    return status < HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.SERVICE_UNAVAILABLE


def _kept(request: Request, response: Response) -> dict[str, Any]:
    """Return what is kept of an answer: its safe members, the names of the others, and its address."""
    body = response.data if isinstance(response.data, Mapping) else {}
    given = request.data if isinstance(request.data, dict) else {}
    safe = {name: _plain(value) for name, value in body.items() if name not in SECRETS and _is_safe(name, value)}
    others = [name for name in body if name not in safe]
    return {
        "safe": safe,
        "echoed": [name for name in others if name not in SECRETS and name in given and given[name] == body[name]],
        "others": others,
        "body": isinstance(response.data, Mapping),
        "address": response.headers.get("Location", ""),
    }


def _plain(value: Any) -> Any:
    """Return a safe value as JSON holds it."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, UUID) else value


def _is_safe(name: str, value: Any) -> bool:
    """Whether a member holds no text: an id, a number, a time, a code under a name of codes, or a list of those."""
    if value is None or isinstance(value, bool | int | float | UUID):
        return True
    if isinstance(value, list | tuple):
        return all(_is_safe(name, one) for one in value)
    if not isinstance(value, str):
        return False
    return not value or _is_uuid(value) or bool(_MOMENT.fullmatch(value)) or (name in CODES and bool(_CODE.fullmatch(value)))


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _again(request: Request, taken: receipts.Claim) -> Response:
    """Answer as the first time. Raises DomainProblem where a member of the answer is found nowhere any more."""
    kept = taken.reply
    headers = {REPLAYED: "true"} | ({"Location": kept["address"]} if kept["address"] else {})
    body = kept["safe"] | _found(request, kept)
    return Response(body if kept["body"] else None, status=taken.status, headers=headers)


def _found(request: Request, kept: dict[str, Any]) -> dict[str, Any]:
    found = {name: request.data[name] for name in kept["echoed"]}
    missing = [name for name in kept["others"] if name not in found]
    if not missing:
        return found
    shown = {} if SECRETS & set(missing) else _looked_up(request, kept["address"] or request.path_info.rpartition(":")[0])
    if not shown.keys() >= set(missing):
        raise DomainProblem(
            code="ingest.reply_not_kept",
            text=_(
                "This request was carried out before. Its answer held what is shown once, or is not to be seen any more;"
                " look at what was made."
            ),
        )
    return found | {name: shown[name] for name in missing}


def _looked_up(request: Request, address: str) -> Mapping[str, Any]:
    """Return what a GET of the address shows to the same asker now; nothing where it is refused."""
    try:
        view = resolve(address).func.view_class()  # type: ignore[attr-defined]
        arguments = resolve(address).kwargs
    except (Resolver404, AttributeError):
        return {}
    view.request, view.kwargs, view.args = request, arguments, ()
    try:
        response = view.get(request, **arguments)
    except Exception as error:
        if not _nothing_was_done(error):
            raise
        return {}
    return response.data if isinstance(response.data, Mapping) else {}
