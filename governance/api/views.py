"""What every view of the API shares: a query parameter or a body that the view does not know is refused and named.

Ignored parameters would tell nothing, but let a client believe in an order or a filter that is not there; and each one
that a view does know is a decision, so none orders or filters by what is sealed.
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.views import APIView

from governance.api.errors import DomainProblem
from governance.api.governing_serializers import Strict
from governance.api.requests import arguments_of


class ApiView(APIView):
    """A view of the API. `parameters` are the names that its query may have; `takes_body` is whether it reads one."""

    parameters: frozenset[str] = frozenset()
    takes_body = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then look at the query. Raises DomainProblem for a bad parameter, ValidationError for a body."""
        super().initial(request, *args, **kwargs)
        known = ", ".join(sorted(self.parameters)) or "none"
        for name, values in request.query_params.lists():
            if name not in self.parameters:
                raise DomainProblem(code="query.unknown", text=f"There is no such query parameter here; there are: {known}.")
            if len(values) > 1:
                raise DomainProblem(code="query.doubled", text=f"The query parameter {name} stands twice; give it once.")
        if not self.takes_body:
            arguments_of(request, Strict)
