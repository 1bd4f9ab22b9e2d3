"""Switching between the tenants of one person."""

from typing import Any

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from governance.console.acting import act
from governance.console.forms import TenantForm
from governance.console.gates import PURPOSE_KEY, tenants_to_choose
from governance.identity.principals import Principal
from governance.web.sessions import TENANT_KEY


@act(no_event="It changes the person's own session and nothing else.", form=TenantForm)
def switch_tenant(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Choose another of the person's tenants. Raises Http404 for one that the person is no member of."""
    wanted = given["tenant"]
    if all(str(tenant.id) != wanted for tenant in tenants_to_choose(request)):
        raise Http404("There is no such tenant.")
    request.session[TENANT_KEY] = wanted
    request.session.pop(PURPOSE_KEY, None)
    return redirect("console:index")
