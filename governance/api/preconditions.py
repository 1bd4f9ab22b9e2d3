"""Changes are made to what the client saw: an entity tag with each answer, and If-Match with each change (RFC 9110)."""

from typing import Final

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from governance.api.errors import DomainProblem

IF_MATCH: Final = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The ETag of what you saw, or *."
)
ETAG: Final = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="Names the state that is shown; for If-Match."
)


def etag(tag: str) -> dict[str, str]:
    """Return the header that names the state of what is answered (section 8.8.3)."""
    return {"ETag": f'"{tag}"'}


def expected_tag(request: Request) -> str:
    """Return the tag that the client saw; empty for `*`, which is any (section 13.1.1).

    Raises DomainProblem: 428 without the header (RFC 6585, section 3), 400 where it holds no single strong tag.
    """
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise DomainProblem(
            code="precondition.required", text=_("Say what you saw: If-Match with the ETag of your last look, or *.")
        )
    if given == "*":
        return ""
    if not (len(given) > 2 and given[0] == given[-1] == '"' and '"' not in given[1:-1]):  # noqa: PLR2004 - two quotes
        raise DomainProblem(code="precondition.invalid", text=_("If-Match takes one tag in quotes, as ETag gives it, or *."))
    return given[1:-1]
