"""What every view of the API shares.

- A query parameter or a body that the view does not know is refused and named. Ignored parameters would tell nothing, but
  let a client believe in an order or a filter that is not there; and each one that a view does know is a decision, so
  none orders or filters by what is sealed.
- A `post` that acts is carried out once for an `Idempotency-Key` (`replies`), whatever view it is.
- Each answer says how the limit of the token stands.
"""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.errors import DomainProblem
from governance.api.governing_serializers import Strict
from governance.api.replies import once
from governance.api.requests import arguments_of
from governance.web.authentication import limit_headers


class ApiView(APIView):
    """A view of the API. `parameters` are the names that its query may have; `takes_body` is whether it reads one.

    `acts` is whether its `post` does something: one that only answers is asked as often as one likes.
    """

    parameters: frozenset[str] = frozenset()
    takes_body = True
    acts = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Put the door of the idempotency key around a `post` that acts."""
        super().__init_subclass__(**kwargs)
        post = cls.__dict__.get("post")
        if post is not None and cls.acts:
            cls.post = once(post)  # type: ignore[attr-defined]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then look at the query. Raises DomainProblem for a bad parameter, ValidationError for a body."""
        super().initial(request, *args, **kwargs)
        known = ", ".join(sorted(self.parameters)) or "none"
        for name, values in request.query_params.lists():
            if name not in self.parameters:
                text = _("There is no such query parameter here; there are: %s.") % known
                raise DomainProblem(code="query.unknown", text=text)
            if len(values) > 1:
                raise DomainProblem(code="query.doubled", text=_("A query parameter stands twice; give it once."))
            if "\0" in values[0]:
                raise DomainProblem(code="query.value", text=_("A query parameter holds U+0000, which no value has."))
        if not self.takes_body:
            arguments_of(request, Strict)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Say how the limit stands."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in limit_headers(request).items():
            answer.headers[name] = value
        return answer
