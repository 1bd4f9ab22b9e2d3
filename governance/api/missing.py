"""What is answered where no view is: below `/api/` a problem as everywhere there, else Django's page."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views import defaults

from governance.api.errors import MEDIA_TYPE
from governance.web.headers import API


def _problem(status: HTTPStatus, code: str, detail: str) -> JsonResponse:
    body = {"type": "about:blank", "title": _(status.phrase), "status": status, "code": code, "detail": detail}
    return JsonResponse(body, status=status, content_type=MEDIA_TYPE)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer an address that no view has."""
    if request.path_info.startswith(API):
        return _problem(HTTPStatus.NOT_FOUND, "vault.not_found", _("There is nothing at this address."))
    return defaults.page_not_found(request, exception)


def fault(request: HttpRequest, *args: Any) -> HttpResponseBase:
    """Answer a fault outside of the views, without its text."""
    if request.path_info.startswith(API):
        return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "error", _("A server error occurred."))
    return defaults.server_error(request)
