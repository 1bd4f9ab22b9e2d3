"""How the console looks: names, colours, navigation."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

_GATE = "governance.console.navigation."

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Threadvault",
    "SITE_HEADER": "Threadvault",
    "SITE_SUBHEADER": _("governed, encrypted chat logs"),
    "SITE_URL": None,
    "SITE_ICON": lambda request: static("threadvault/mark.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("threadvault/mark.svg")}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "COMMAND": {"search_models": False, "show_history": False},
    "ENVIRONMENT": "governance.console.navigation.environment",
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .014 184)", "100": "oklch(94.3% .035 184)", "200": "oklch(89% .07 184)",
            "300": "oklch(81% .10 184)", "400": "oklch(72% .11 184)", "500": "oklch(62% .11 184)",
            "600": "oklch(52% .10 184)", "700": "oklch(44% .085 184)", "800": "oklch(38% .07 184)",
            "900": "oklch(33% .055 184)", "950": "oklch(25% .045 184)",
        },
    },
    "STYLES": [lambda request: static("threadvault/console.css")],
    "SCRIPTS": [lambda request: static("threadvault/shell.js"), lambda request: static("threadvault/console.js")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {"title": _("Overview"), "icon": "home", "link": reverse_lazy("console:index")},
                    {
                        "title": _("Conversations"), "icon": "forum", "link": reverse_lazy("console:conversations"),
                        "permission": _GATE + "may_list",
                    },
                    {
                        "title": _("Keys"), "icon": "key", "link": reverse_lazy("console:keys"),
                        "permission": _GATE + "may_keys",
                    },
                    {
                        "title": _("Policies"), "icon": "policy", "link": reverse_lazy("console:policies"),
                        "permission": _GATE + "may_policies",
                    },
                    {
                        "title": _("Detection"), "icon": "troubleshoot", "link": reverse_lazy("console:profiles"),
                        "permission": _GATE + "may_profiles",
                    },
                    {
                        "title": _("Members"), "icon": "group", "link": reverse_lazy("console:members"),
                        "permission": _GATE + "may_members",
                    },
                    {"title": _("API tokens"), "icon": "vpn_key", "link": reverse_lazy("console:tokens")},
                    {
                        "title": _("Audit trail"), "icon": "receipt_long", "link": reverse_lazy("console:audit"),
                        "permission": _GATE + "may_audit",
                    },
                    {"title": _("Approvals"), "icon": "how_to_reg", "link": reverse_lazy("console:approvals")},
                    {
                        "title": _("Jobs"), "icon": "sync", "link": reverse_lazy("console:jobs"),
                        "permission": _GATE + "may_jobs",
                    },
                    {
                        "title": _("Ingest"), "icon": "input", "link": reverse_lazy("console:ingest"),
                        "permission": _GATE + "may_jobs",
                    },
                    {
                        "title": _("Health"), "icon": "monitor_heart", "link": reverse_lazy("console:health"),
                        "permission": _GATE + "may_health",
                    },
                ],
            },
            {
                "title": _("Account"),
                "items": [
                    {"title": _("Second factor"), "icon": "verified_user", "link": reverse_lazy("mfa_index")},
                    {"title": _("Password"), "icon": "password", "link": reverse_lazy("account_change_password")},
                    {"title": _("Sessions"), "icon": "devices", "link": reverse_lazy("usersessions_list")},
                    {"title": _("Sign out"), "icon": "logout", "link": reverse_lazy("account_logout")},
                ],
            },
        ],
    },
}  # fmt: skip
