"""`POST /api/v1/tokens/step-up`: a one-time code mints a token that counts as a fresh second factor for minutes."""

from datetime import UTC, datetime, timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance.api.requests import principal_of, user_of
from governance.api.serializers import SteppedUpSerializer, StepUpSerializer
from governance.conf.settings import vault_settings
from governance.identity.models import Tenant
from governance.identity.tokens import mint
from governance.web.second_factor import check_code


class StepUpView(APIView):
    """Mints a step-up token for the person behind the token that was sent."""

    @extend_schema(request=StepUpSerializer, responses={201: SteppedUpSerializer})
    def post(self, request: Request) -> Response:
        """Check the code and return the token, once."""
        asked = StepUpSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        check_code(user=user_of(request), code=asked.validated_data["code"])
        now = datetime.now(UTC)
        minted = mint(
            tenant=Tenant.objects.get(id=principal_of(request).tenant_id),
            user=user_of(request),
            name="step-up",
            now=now,
            life=timedelta(seconds=vault_settings().second_factor_seconds),
            scopes=principal_of(request).scopes,
            purposes=principal_of(request).purposes,
            second_factor_at=now,
        )
        return Response({"token": minted.plain, "expires_at": minted.token.expires_at}, status=201)
