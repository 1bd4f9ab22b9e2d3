"""Members of the tenant: who holds which role, and the acts of an officer on them: invite, give a role, take one."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from governance.access import membership
from governance.console.acting import Sheet, act, done
from governance.console.gates import current_time, page
from governance.identity.models import User
from governance.identity.principals import Principal
from governance.identity.roles import Role
from governance.web.invitations import one_time_link

MANAGE: Final = "manage_members"
ROLES: Final = {
    "analyst": gettext_lazy("Analyst"),
    "privacy_officer": gettext_lazy("Privacy officer"),
    "security_officer": gettext_lazy("Security officer"),
    "auditor": gettext_lazy("Auditor"),
    "producer": gettext_lazy("Producer (service)"),
    "worker": gettext_lazy("Worker (service)"),
}


class InviteForm(forms.Form):
    """A new account with its first role; a service account takes neither name nor address."""

    role = forms.ChoiceField(label=gettext_lazy("First role"), choices=list(ROLES.items()))
    username = forms.CharField(
        label=gettext_lazy("User name"), required=False, max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("Letters, digits and any of _ . @ + -. A service account takes none: its name is made."),
    )  # fmt: skip
    email = forms.EmailField(label=gettext_lazy("Mail address"), required=False)


class RoleForm(forms.Form):
    """A further role."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=list(ROLES.items()))


@require_GET
@page(action=MANAGE)
def member_list(request: HttpRequest, principal: Principal) -> HttpResponseBase:
    """Show the members by name, with their roles."""
    found = membership.members(principal=principal, now=current_time())
    lines = [
        {"one": one, "roles": [(role, ROLES.get(role, role)) for role in one.roles], "own": one.id == principal.user_id}
        for one in found
    ]
    return render(request, "console/members.html", {"title": _("Members"), "members": lines})


def _back() -> str:
    return reverse("console:members")


def _invite_sheet(request: HttpRequest, principal: Principal) -> Sheet:
    return Sheet(
        title=_("Invite a member"),
        button=_("Make the account"),
        back=_back(),
        lead=_(
            "A person chooses a password by a link that works once, which you hand over. A service account signs in"
            " nowhere: it works by a token."
        ),
    )


@act(action=MANAGE, events=("member.added",), form=InviteForm, factor_for=MANAGE, sheet=_invite_sheet)
def invite(request: HttpRequest, principal: Principal, given: dict[str, Any]) -> HttpResponseBase:
    """Make an account with its first role, and show the person's link: on this page, and nowhere else."""
    user = membership.invite(principal=principal, **given, now=current_time())
    link = request.build_absolute_uri(one_time_link(user)) if user.kind == User.Kind.PERSON else ""
    context = {"title": _("The account is made"), "made": user, "role": ROLES[given["role"]], "link": link}
    return render(request, "console/invited.html", context)


def _facts(member: membership.Member) -> list[tuple[str, str]]:
    held = ", ".join(str(ROLES.get(role, role)) for role in member.roles)
    return [(_("Member"), member.username), (_("Roles now"), held)]


def _give_sheet(request: HttpRequest, principal: Principal, user_id: UUID) -> Sheet:
    member = membership.member(principal=principal, user_id=user_id, now=current_time())
    return Sheet(
        title=_("Give %(name)s a role") % {"name": member.username},
        button=_("Give the role"),
        back=_back(),
        lead=_("It holds from the next request on. Nobody gives himself a role."),
        facts=_facts(member),
    )


@act(action=MANAGE, events=("member.added",), form=RoleForm, factor_for=MANAGE, sheet=_give_sheet)
def give(request: HttpRequest, principal: Principal, given: dict[str, Any], user_id: UUID) -> HttpResponseBase:
    """Give a member a further role."""
    membership.give_role(principal=principal, user_id=user_id, role=given["role"], now=current_time())
    return done(request, _("The role is given."), _back())


def _take_sheet(request: HttpRequest, principal: Principal, user_id: UUID, role: str) -> Sheet:
    member = membership.member(principal=principal, user_id=user_id, now=current_time())
    if role not in member.roles:
        raise membership.UnknownMember(_("This member does not have that role."))
    return Sheet(
        title=_("Take a role from %(name)s") % {"name": member.username},
        button=_("Take the role"),
        back=_back(),
        lead=_("What it opens is closed within a second, grants that are open now too. A tenant keeps a security officer."),
        facts=[*_facts(member), (_("Role to take"), str(ROLES[Role(role).value]))],
        grave=True,
    )


@act(action=MANAGE, events=("member.removed",), factor_for=MANAGE, sheet=_take_sheet)
def take(request: HttpRequest, principal: Principal, given: dict[str, Any], user_id: UUID, role: str) -> HttpResponseBase:
    """Take a role from a member."""
    membership.take_role(principal=principal, user_id=user_id, role=role, now=current_time())
    return done(request, _("The role is taken."), _back())
