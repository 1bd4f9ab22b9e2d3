"""Every error of the API as RFC 9457 `application/problem+json`, with a stable code."""

from http import HTTPStatus
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler, exception_handler
from drf_standardized_errors.types import ErrorResponse
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from governance.web.explanations import told
from governance.web.statuses import status_of

MEDIA_TYPE = "application/problem+json"


class DomainProblem(APIException):
    """An error of the domain, as DRF sees it; its text is safe by the rules of the part that raised it."""

    def __init__(self, *, code: str, text: str, pointer: str = "", wait: int = 0) -> None:
        super().__init__(detail=text, code=code)
        self.status_code = status_of(code)
        self.pointer = pointer
        self.wait = wait  # The handler of the library says it as Retry-After, where it is not 0.


def domain_code(error: Exception) -> str:
    """Return the stable code of a domain error; empty for any other exception."""
    code = getattr(error, "code", "")
    return code if type(error).__module__.startswith("governance.") and isinstance(code, str) else ""


class ProblemHandler(ExceptionHandler):
    """Turns domain errors into problems; what is no domain error is answered without its text."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        """Return the exception that DRF shall answer."""
        code = domain_code(exc)
        if (code and status_of(code) < HTTPStatus.INTERNAL_SERVER_ERROR) or code == "integrity_failure":
            return DomainProblem(
                code=code, text=told(code, str(exc)), pointer=getattr(exc, "pointer", ""), wait=getattr(exc, "wait", 0)
            )
        if code and status_of(code) == HTTPStatus.SERVICE_UNAVAILABLE:
            return DomainProblem(code=code, text=told(code, str(exc)))
        if isinstance(exc, Http404):
            return DomainProblem(code="vault.not_found", text=_("There is nothing at this address."))
        return super().convert_known_exceptions(exc)


class ProblemFormatter(ExceptionFormatter):
    """Writes the members of RFC 9457: type, title, status, detail; and code and errors with pointers."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """Return the body."""
        status = self.exc.status_code
        first = error_response.errors[0]
        problem: dict[str, Any] = {
            "type": "about:blank",
            "title": _(HTTPStatus(status).phrase),
            "status": status,
            "code": first.code,
            "detail": first.detail,
        }
        pointer = getattr(self.exc, "pointer", "")
        errors = [
            {"pointer": f"/{error.attr.replace('.', '/')}", "detail": error.detail}
            for error in error_response.errors
            if error.attr
        ]
        if pointer:
            errors = [{"pointer": pointer, "detail": first.detail}]
        if errors:
            problem["errors"] = errors
        return problem


def problem_handler(exc: Exception, context: Any) -> Response | None:
    """Answer an exception of a view as a problem."""
    response: Response | None = exception_handler(exc, context)
    if response is not None:
        response.content_type = MEDIA_TYPE
    return response
