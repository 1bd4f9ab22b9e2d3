"""Who acts in a console request: the signed-in person in the tenant that the session has chosen."""

from django.http import HttpRequest

from governance.identity.models import Tenant, User
from governance.identity.principals import NotAMember, Principal, principal_for, tenants_of
from governance.web.second_factor import shown_at

TENANT_KEY = "threadvault_tenant"


def tenant_of(request: HttpRequest) -> Tenant:
    """Return the session's tenant: the chosen one, else the first in which the person is a member.

    Raises NotAMember where there is none; a superuser without a role is no member of anything.
    """
    user = request.user
    if not isinstance(user, User):
        raise NotAMember("Sign in first.")
    if user.kind == User.Kind.SERVICE:
        raise NotAMember("A service account works by token; the console is for people.")
    tenants = tenants_of(user)
    if not tenants:
        raise NotAMember("This account holds no role in any tenant. A security officer adds one.")
    chosen = request.session.get(TENANT_KEY)
    return next((tenant for tenant in tenants if str(tenant.id) == chosen), tenants[0])


def principal_of(request: HttpRequest) -> Principal:
    """Return the principal of a console request. Raises NotAMember."""
    tenant = tenant_of(request)
    if not isinstance(request.user, User):
        raise NotAMember("Sign in first.")
    return principal_for(user=request.user, tenant=tenant, second_factor_at=shown_at(request))
