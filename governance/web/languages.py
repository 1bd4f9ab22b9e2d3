"""The choice of a language: a cookie of the person's browser, and the page that was looked at stays."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST
from django.views.i18n import set_language


@require_POST
def choose(request: HttpRequest) -> HttpResponseBase:
    """Keep the language that the form names, and lead back to `next`, which Django holds to this host."""
    answer: HttpResponseBase = set_language(request)
    return answer
