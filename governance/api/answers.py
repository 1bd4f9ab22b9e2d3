"""Answers that several views give alike, and where what they made is found."""

from typing import Final
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

LOCATION: Final = OpenApiParameter(
    "Location", str, OpenApiParameter.HEADER, response=[201, 202], description="The address of what was made."
)


def asked_for(approval: UUID) -> Response:
    """Return the approval that now waits for a second person, and its address."""
    return Response({"approval": approval}, status=201, headers={"Location": f"/api/v1/approvals/{approval}"})
