"""No answer of the application is kept by a cache between it and the reader."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class NoStoreMiddleware:
    """Sets `Cache-Control: no-store, private` on every answer; static files are served before it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        response = self.get_response(request)
        response["Cache-Control"] = "no-store, private"
        return response


def media_type_of(request: HttpRequest) -> str:
    """Return the media type of the body without its parameters, in lower case."""
    return str(request.META.get("CONTENT_TYPE", "")).split(";", 1)[0].strip().lower()


def purpose_of(request: HttpRequest) -> str:
    """Return the purpose that the request names; it travels in a header, never in a URL."""
    return str(request.META.get("HTTP_THREADVAULT_PURPOSE", "")).strip()
