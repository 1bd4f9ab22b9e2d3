"""What holds for every answer: no cache keeps it, and pages take the methods that forms need."""

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseNotAllowed

FORM_METHODS: Final = ("GET", "HEAD", "POST", "OPTIONS")
API: Final = "/api/"


class NoStoreMiddleware:
    """Sets `Cache-Control: no-store, private` on every answer; static files are served before it.

    The answer to a sign-out carries `Clear-Site-Data`, so that the back button shows nothing (ASVS 14.3.1).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        response = self.get_response(request)
        response["Cache-Control"] = "no-store, private"
        if getattr(request, "threadvault_signed_out", False):
            response["Clear-Site-Data"] = '"cache", "cookies", "storage"'
        return response


class FormMethodsMiddleware:
    """Answers 405 to every method but GET, HEAD, POST and OPTIONS outside of the API: pages and forms need no more."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer one request."""
        if request.method in FORM_METHODS or request.path_info.startswith(API):
            return self.get_response(request)
        return HttpResponseNotAllowed(FORM_METHODS)


def media_type_of(request: HttpRequest) -> str:
    """Return the media type of the body without its parameters, in lower case."""
    return str(request.META.get("CONTENT_TYPE", "")).split(";", 1)[0].strip().lower()


def purpose_of(request: HttpRequest) -> str:
    """Return the purpose that the request names; it travels in a header, never in a URL."""
    return str(request.META.get("HTTP_THREADVAULT_PURPOSE", "")).strip()
