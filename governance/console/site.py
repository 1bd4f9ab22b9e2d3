"""The console's site: the skin's admin site without its model pages; every right goes through policies."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import path
from unfold.sites import UnfoldAdminSite

from governance.console import (
    approvals,
    auditing,
    conversations,
    correcting,
    explaining,
    health,
    ingest,
    jobs,
    keyrings,
    landing,
    members,
    policies,
    policy_acts,
    profile_acts,
    profiles,
    revealing,
    ring_acts,
    switching,
    tokens,
    version_acts,
)
from governance.identity.principals import NotAMember
from governance.web.sessions import tenant_of


class ConsoleSite(UnfoldAdminSite):
    """Being staff or superuser opens nothing here: a role in a tenant does."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the person is a member of some tenant."""
        if not request.user.is_active:
            return False
        try:
            tenant_of(request)
        except NotAMember:
            return False
        return True

    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Sign-in is allauth's."""
        return redirect("account_login")


site = ConsoleSite(name="console")
site.disable_action("delete_selected")


def skin(request: HttpRequest) -> dict[str, Any]:
    """A context processor: what the skin's layout needs on every page."""
    user = getattr(request, "user", None)  # The API sets it to None where nobody is known.
    return site.each_context(request) if user is not None and user.is_authenticated else {}


app_name = "console"
urlpatterns = [
    path("", landing.index, name="index"),
    path("conversations", conversations.conversation_list, name="conversations"),
    path("conversations/purpose", conversations.choose_purpose, name="purpose"),
    path("conversations/<uuid:conversation_id>", conversations.transcript, name="conversation"),
    path("conversations/<uuid:conversation_id>/reveal", revealing.reveal, name="reveal"),
    path("conversations/<uuid:conversation_id>/copy", revealing.copy, name="copy"),
    path("conversations/<uuid:conversation_id>/messages/<int:number>/findings", correcting.findings, name="findings"),
    path(
        "conversations/<uuid:conversation_id>/messages/<int:number>/findings/<int:finding_id>/undo",
        correcting.undo,
        name="undo",
    ),
    path(
        "conversations/<uuid:conversation_id>/messages/<int:number>/findings/<int:finding_id>/confirm",
        correcting.confirm,
        name="confirm",
    ),
    path("conversations/<uuid:conversation_id>/readers", explaining.readers, name="readers"),
    path("conversations/<uuid:conversation_id>/why", explaining.why, name="why"),
    path("why", explaining.why_act, name="why-act"),
    path("keys", keyrings.keys, name="keys"),
    path("keys/providers", keyrings.providers, name="providers"),
    path("keys/rings/<uuid:ring_id>", keyrings.ring, name="ring"),
    path("keys/rings/<uuid:ring_id>/rotate", ring_acts.rotate, name="rotate"),
    path("keys/rings/<uuid:ring_id>/rewrap", ring_acts.rewrap, name="rewrap"),
    path("keys/rings/<uuid:ring_id>/reencrypt", ring_acts.reencrypt, name="reencrypt"),
    path("keys/rings/<uuid:ring_id>/raise-minimum", ring_acts.raise_minimum, name="raise-minimum"),
    path("keys/rings/<uuid:ring_id>/ask-minimum", ring_acts.ask_minimum, name="ask-minimum"),
    path("keys/versions/<uuid:version_id>", keyrings.version, name="version"),
    path("keys/versions/<uuid:version_id>/suspend", version_acts.suspend, name="suspend"),
    path("keys/versions/<uuid:version_id>/resume", version_acts.resume, name="resume"),
    path("keys/versions/<uuid:version_id>/deactivate", version_acts.deactivate, name="deactivate"),
    path("keys/versions/<uuid:version_id>/compromise", version_acts.compromise, name="compromise"),
    path("keys/versions/<uuid:version_id>/ask-destroy", version_acts.ask_destroy, name="ask-destroy"),
    path("keys/versions/<uuid:version_id>/cancel", version_acts.cancel_destroy, name="cancel-destroy"),
    path("jobs", jobs.job_list, name="jobs"),
    path("jobs/rescan", jobs.rescan, name="rescan"),
    path("jobs/<uuid:job_id>", jobs.job, name="job"),
    path("jobs/<uuid:job_id>/progress", jobs.progress, name="progress"),
    path("jobs/<uuid:job_id>/pause", jobs.pause, name="job-pause"),
    path("jobs/<uuid:job_id>/resume", jobs.resume, name="job-resume"),
    path("jobs/<uuid:job_id>/cancel", jobs.cancel, name="job-cancel"),
    path("approvals", approvals.inbox, name="approvals"),
    path("approvals/<uuid:approval_id>", approvals.approval, name="approval"),
    path("approvals/<uuid:approval_id>/agree", approvals.agree, name="agree"),
    path("approvals/<uuid:approval_id>/refuse", approvals.refuse, name="refuse"),
    path("approvals/<uuid:approval_id>/withdraw", approvals.withdraw, name="withdraw"),
    path("approvals/<uuid:approval_id>/carry-out", approvals.carry_out, name="carry-out"),
    path("ingest", ingest.ingest, name="ingest"),
    path("health", health.health, name="health"),
    path("policies", policies.policy_list, name="policies"),
    path("policies/draft", policy_acts.draft, name="policy-draft"),
    path("policies/check", policy_acts.check, name="policy-check"),
    path("policies/<uuid:policy_id>", policies.policy, name="policy"),
    path("policies/<uuid:policy_id>/version", policy_acts.version, name="policy-version"),
    path("policies/<uuid:policy_id>/dry-run", policy_acts.dry_run, name="policy-dry-run"),
    path("policies/<uuid:policy_id>/ask", policy_acts.ask, name="policy-ask"),
    path("profiles", profiles.profile_list, name="profiles"),
    path("profiles/draft", profile_acts.draft, name="profile-draft"),
    path("profiles/check", profile_acts.check, name="profile-check"),
    path("profiles/<uuid:profile_id>", profiles.profile, name="profile"),
    path("profiles/<uuid:profile_id>/version", profile_acts.version, name="profile-version"),
    path("profiles/<uuid:profile_id>/try", profile_acts.try_out, name="profile-try"),
    path("profiles/<uuid:profile_id>/ask", profile_acts.ask, name="profile-ask"),
    path("profiles/<uuid:profile_id>/activate", profile_acts.activate, name="profile-activate"),
    path("members", members.member_list, name="members"),
    path("members/invite", members.invite, name="member-invite"),
    path("members/<uuid:user_id>/give", members.give, name="member-give"),
    path("members/<uuid:user_id>/take/<slug:role>", members.take, name="member-take"),
    path("tokens", tokens.token_list, name="tokens"),
    path("tokens/make", tokens.make, name="token-make"),
    path("tokens/<uuid:token_id>/revoke", tokens.revoke, name="token-revoke"),
    path("audit", auditing.trail, name="audit"),
    path("audit/<int:sequence>/explanation", explaining.entry, name="explanation"),
    path("audit/verify", auditing.verify, name="verify"),
    path("audit/verifications/<uuid:job_id>", auditing.verification, name="verification"),
    path("audit/export", auditing.export, name="audit-export"),
    path("tenant", switching.switch_tenant, name="tenant"),
]


def _to(name: str) -> Any:
    """Return a view that leads to allauth's page of that name."""
    return lambda request: redirect(name)


# The skin's own links use the names of Django's admin.
admin_names = [
    path("", landing.index, name="index"),
    path("sign-out", _to("account_logout"), name="logout"),
    path("password", _to("account_change_password"), name="password_change"),
    path("search", _to("console:index"), name="search"),
]
