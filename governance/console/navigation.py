"""What the sidebar shows to whom, by name for the skin's settings."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from governance.conf.settings import vault_settings
from governance.console.gates import open_actions


def may_list(request: HttpRequest) -> bool:
    """Return whether the list of conversations is open."""
    return "list" in open_actions(request)


def may_keys(request: HttpRequest) -> bool:
    """Return whether the keys page is open."""
    return bool(open_actions(request) & {"manage_keys", "read_audit"})


def may_jobs(request: HttpRequest) -> bool:
    """Return whether the jobs page is open."""
    return "manage_jobs" in open_actions(request)


def may_health(request: HttpRequest) -> bool:
    """Return whether the health page is open."""
    return bool(open_actions(request) & {"manage_jobs", "read_audit"})


def may_policies(request: HttpRequest) -> bool:
    """Return whether the policies page is open."""
    return bool(open_actions(request) & {"manage_policies", "explain"})


def may_profiles(request: HttpRequest) -> bool:
    """Return whether the detection page is open."""
    return bool(open_actions(request) & {"manage_requests", "second"})


def may_members(request: HttpRequest) -> bool:
    """Return whether the members page is open."""
    return "manage_members" in open_actions(request)


def may_audit(request: HttpRequest) -> bool:
    """Return whether the audit page is open."""
    return "read_audit" in open_actions(request)


def environment(request: HttpRequest) -> list[str] | None:
    """Return the badge that stands on every page of an embedded installation."""
    return [_("embedded"), "warning"] if vault_settings().embedded else None
